# Tables and figures of word pairs: redundancy, unique information, synergy; and can a redundant word be left out?
#
# REQUIRES  results/<study>/<dataset>/pair_words/, decompose_information/ and gather_parts/ of datasets with `word_pairs: true`;
#           the edits of those that are edited too
# PRODUCES  results/<study>/tables/partial_information.{csv,parquet,md}                the four parts of every pair, with errors
#           results/<study>/tables/partial_information_{omitted,correlations}.csv   words left out, and what predicted the change
#           results/<study>/figures/partial_information/                             maps, matrices of captions, omissions
# STEPS     tabulate_partial_information, plot_partial_information; the target `partial_information` runs the whole chain

# Datasets whose captions were edited too: their omissions are compared with what the pairs predicted.
PAIRED_EDITED = [name for name in PAIRED if name in EDITED]


rule tabulate_partial_information:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=PAIRED),
        pairs=expand(f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet", dataset=PAIRED),
        estimates=[shard for name in PAIRED for shard in pair_estimates(name)],
        edits=[
            shard
            for name in PAIRED_EDITED
            for shard in shard_tables(name, "edit_images")
        ],
    output:
        in_report(
            "partial information",
            expand(
                f"{RESULTS}/tables/partial_information.{{suffix}}",
                suffix=["csv", "parquet", "md"],
            ),
        ),
        f"{RESULTS}/tables/partial_information_omitted.csv",
        f"{RESULTS}/tables/partial_information_correlations.csv",
        f"{RESULTS}/tables/partial_information.provenance.json",
    log:
        f"{RESULTS}/logs/tabulate_partial_information.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in PAIRED],
        pairs=[f"{name}={RESULTS}/{name}/pair_words/pairs.parquet" for name in PAIRED],
        estimates=[
            f"{name}={shard}" for name in PAIRED for shard in pair_estimates(name)
        ],
        maps=[f"{name}={RESULTS}/{name}/decompose_information/maps" for name in PAIRED],
        edits=[
            f"{name}={shard}"
            for name in PAIRED_EDITED
            for shard in shard_tables(name, "edit_images")
        ],
        edit_maps=[
            f"{name}={RESULTS}/{name}/edit_images/edits" for name in PAIRED_EDITED
        ],
        settings=settings("tabulate_partial_information"),
        seed=CONFIG.seed,
        code=code("tabulate_partial_information"),
    message:
        "Tabulating redundancy, unique information and synergy"
    shell:
        quiet_command(
            "tabulate_partial_information",
            "--cases {params.cases} --pairs {params.pairs} --estimates {params.estimates} --maps {params.maps}"
            " --edits {params.edits} --edit-maps {params.edit_maps} --settings {params.settings:q} --seed {params.seed}"
            " --output-dir {params.folder}",
        )


rule plot_partial_information:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=PAIRED),
        pairs=expand(f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet", dataset=PAIRED),
        table=f"{RESULTS}/tables/partial_information.parquet",
        omitted=f"{RESULTS}/tables/partial_information_omitted.csv",
        style=FIGURE_STYLE,
    output:
        figure_files(
            "partial_information",
            *(f"pair_maps-{name}" for name in PAIRED),
            *(f"pair_matrices-{name}" for name in PAIRED),
            "omissions",
        ),
    log:
        f"{RESULTS}/logs/plot_partial_information.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in PAIRED],
        pairs=[f"{name}={RESULTS}/{name}/pair_words/pairs.parquet" for name in PAIRED],
        maps=[f"{name}={RESULTS}/{name}/decompose_information/maps" for name in PAIRED],
        settings=settings("plot_partial_information"),
        seed=CONFIG.seed,
        code=code("plot_partial_information"),
    message:
        "Plotting word pairs, and what leaving a word out changes"
    shell:
        command(
            "plot_partial_information",
            "--cases {params.cases} --pairs {params.pairs} --maps {params.maps}"
            " --table {input.table} --omitted {input.omitted} --settings {params.settings:q}"
            " --seed {params.seed} --output-dir {params.folder}",
        )


localrules:
    partial_information,


rule partial_information:
    input:
        expand(rules.gather_parts.output, dataset=PAIRED),
        rules.tabulate_partial_information.output if PAIRED else [],
        rules.plot_partial_information.output if PAIRED else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/partial_information"
