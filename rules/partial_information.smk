# What two words of a caption tell together: redundancy, what is unique to each, synergy; and is a redundant word dispensable?
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of datasets with `word_pairs: true`, the images, the model; the edits of
#           those that are edited too; a CSV of pairs, where `partial_information.list` names one
# PRODUCES  results/<study>/<dataset>/pair_words/pairs.parquet                    one row per caption and two of its words
#           results/<study>/<dataset>/decompose_information/shard-*.parquet       totals with errors, status
#           results/<study>/<dataset>/decompose_information/maps/<pair>.npz       of each replicate, both estimators
#           results/<study>/<dataset>/gather_parts/words.parquet                  the pairs of each case, and its status
#           results/<study>/<dataset>/gather_parts/maps/<case>.npz                unique, redundancy, synergy: of all its pairs
#           results/<study>/tables/partial_information.{csv,parquet,md}           the four parts of every pair, with errors
#           results/<study>/tables/partial_information_{omitted,correlations}.csv words left out, and what foretold it
#           results/<study>/figures/partial_information/                          maps, matrices of captions, omissions
# STEPS     pair_words, decompose_information, gather_parts, tabulate_partial_information, plot_partial_information;
#           partial_information asks for all of them

PAIRED = [name for name, dataset in CONFIG.datasets.items() if dataset.word_pairs]
# What was left out by the editing study, where there is one.
PAIRED_EDITED = [name for name in PAIRED if name in EDITED]
PAIR_LIST = CONFIG.partial_information.list


rule pair_words:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        list=present([PAIR_LIST] if PAIR_LIST else []),
    output:
        pairs=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        provenance=f"{RESULTS}/{{dataset}}/pair_words/pairs.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/pair_words.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        section=section(
            "partial_information", ["pairs", "tagger", "list", "captions", "join"]
        ),
        code=code("pair_words"),
    message:
        "Pairing the words of the captions of {wildcards.dataset}"
    shell:
        "python -m infodecomp run pair_words --dataset {wildcards.dataset} --cases {input.cases}"
        " --section {params.section:q} --output {output.pairs} 2>&1 | tee {log}"


rule decompose_information:
    input:
        cases=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        model=model_files,
        pilot=pilot_density,
    output:
        table=f"{RESULTS}/{{dataset}}/decompose_information/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/decompose_information/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/decompose_information-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/decompose_information-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        compile=int(CONFIG.machine.compile),
        images=dataset_images,
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/maps",
        pilot=pilot_argument,
        section=section("partial_information", ["steps", "replicates"]),
        # Between which prompts, the pairs say; how many draws, their own section.
        information=section(
            "information",
            [
                *(
                    "density",
                    "design",
                    "antithetic_eps",
                    "pilot_images",
                    "pilot_draws",
                ),
                *("loc", "scale", "clip", "beyond_trained_range"),
            ],
        ),
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=lambda wildcards: CONFIG.pair_shards_of(wildcards.dataset),
        failed=CONFIG.max_failed_fraction,
        code=code("decompose_information"),
    message:
        "Estimating what pairs of words tell in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run decompose_information --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} {params.pilot} --section {params.section:q}"
        " --information {params.information:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule gather_parts:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        pairs=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        estimates=lambda wildcards: pair_estimates(wildcards.dataset),
    output:
        table=f"{RESULTS}/{{dataset}}/gather_parts/words.parquet",
        provenance=f"{RESULTS}/{{dataset}}/gather_parts/words.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/gather_parts.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/maps",
        maps_pairs=f"{RESULTS}/{{dataset}}/decompose_information/maps",
        section=section("partial_information", ["map_redundancy", "word_prior"]),
        code=code("gather_parts"),
    message:
        "Gathering what the words of {wildcards.dataset} tell beside each other"
    shell:
        "python -m infodecomp run gather_parts --cases {input.cases} --pairs {input.pairs} --estimates {input.estimates}"
        " --maps-pairs {params.maps_pairs} --section {params.section:q} --maps {params.maps} --output {output.table}"
        " 2>&1 | tee {log}"


rule tabulate_partial_information:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=PAIRED),
        pairs=expand(f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet", dataset=PAIRED),
        estimates=[shard for name in PAIRED for shard in pair_estimates(name)],
        edits=[shard for name in PAIRED_EDITED for shard in edited_shards(name)],
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
        mem_mb=table_memory,
        runtime=table_runtime,
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
            for shard in edited_shards(name)
        ],
        edit_maps=[
            f"{name}={RESULTS}/{name}/edit_images/edits" for name in PAIRED_EDITED
        ],
        section=section(
            "partial_information",
            ["redundancy", "word_prior", "bootstrap", "confidence"],
        ),
        seed=CONFIG.seed,
        code=code("tabulate_partial_information"),
    message:
        "Taking the information of pairs of words apart"
    shell:
        "python -m infodecomp run tabulate_partial_information --cases {params.cases} --pairs {params.pairs}"
        " --estimates {params.estimates} --maps {params.maps} --edits {params.edits} --edit-maps {params.edit_maps}"
        " --section {params.section:q} --seed {params.seed} --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_partial_information:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=PAIRED),
        pairs=expand(f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet", dataset=PAIRED),
        table=f"{RESULTS}/tables/partial_information.parquet",
        omitted=f"{RESULTS}/tables/partial_information_omitted.csv",
        style=FIGURE_STYLE,
    output:
        in_report(
            "partial information",
            expand(
                f"{RESULTS}/figures/partial_information/{{figure}}.{{suffix}}",
                figure=[
                    *(f"pair_maps-{name}" for name in PAIRED),
                    *(f"pair_matrices-{name}" for name in PAIRED),
                    "omissions",
                ],
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_partial_information.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in PAIRED],
        pairs=[f"{name}={RESULTS}/{name}/pair_words/pairs.parquet" for name in PAIRED],
        maps=[f"{name}={RESULTS}/{name}/decompose_information/maps" for name in PAIRED],
        section=section("figures", ["panels", "format"]),
        partial_information=section(
            "partial_information",
            ["redundancy", "word_prior", "bootstrap", "confidence"],
        ),
        datasets=sections_json({name: CONFIG.datasets[name] for name in PAIRED}),
        resize=CONFIG.model.resize,
        seed=CONFIG.seed,
        code=code("plot_partial_information"),
    message:
        "Drawing what pairs of words share, and what follows when one is left out"
    shell:
        "python -m infodecomp run plot_partial_information --cases {params.cases} --pairs {params.pairs} --maps {params.maps}"
        " --datasets {params.datasets:q} --table {input.table} --omitted {input.omitted} --resize {params.resize}"
        " --section {params.section:q} --partial-information {params.partial_information:q} --seed {params.seed}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    partial_information,


rule partial_information:
    input:
        expand(rules.gather_parts.output, dataset=PAIRED),
        rules.tabulate_partial_information.output if PAIRED else [],
        rules.plot_partial_information.output if PAIRED else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/partial_information"
