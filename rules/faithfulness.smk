# Faithfulness: do the maps say what the model uses? Pixels are taken away, and the maps are made again.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of the datasets in `faithfulness → datasets`, the images, the model, the
#           shards and maps of the localisation study; the maps of word pairs and the edits of datasets that have them
# PRODUCES  results/<study>/<dataset>/judge_maps/shard-*.parquet              ratios, evaluations, status
#           results/<study>/<dataset>/judge_maps/maps/<case>.npz              curves, recorded maps, and these made again
#           results/<study>/tables/faithfulness.{csv,parquet,md}              every measure of every map with intervals
#           results/<study>/tables/faithfulness_{paired,curves,cases}.csv     map against map; ratios by share; case by case
#           results/<study>/figures/faithfulness/faithfulness.*               the curves, and the table as a figure
# STEPS     judge_maps, tabulate_faithfulness, plot_faithfulness; the target `faithfulness` runs all of them

JUDGED_MAPS = CONFIG.judged_datasets
JUDGED_EDITED = [name for name in JUDGED_MAPS if name in EDITED]
JUDGED_SHARDS = [f"{number:04d}" for number in range(CONFIG.faithfulness.shards)]


rule judge_maps:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
        estimates=estimate_shards,
        attention=attention_shards,
        gradients=gradient_shards,
        parts=word_parts,
        word_pairs=word_pairs,
    output:
        table=f"{RESULTS}/{{dataset}}/judge_maps/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/judge_maps/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/judge_maps-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/judge_maps-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        **{**MODEL_PARAMS, "shards": CONFIG.faithfulness.shards},
        maps_information=information_maps,
        maps_attention=attention_maps,
        gradients=gradient_arguments,
        parts=word_parts_arguments,
        methods=CONFIG.judged_methods,
        settings=settings("judge_maps"),
        pilot=pilot_argument,
        code=code("judge_maps"),
    message:
        "Judging the maps of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command(
            "judge_maps",
            "--estimates {input.estimates} --attention {input.attention} --maps-information {params.maps_information}"
            " --maps-attention {params.maps_attention} {params.gradients} {params.parts} {params.pilot}"
            " --methods {params.methods}",
        )


rule tabulate_faithfulness:
    input:
        cases=expand(f"{RESULTS}/{{name}}/cases.parquet", name=JUDGED_MAPS),
        judged=[
            file
            for name in JUDGED_MAPS
            for file in shard_tables(name, "judge_maps", JUDGED_SHARDS)
        ],
        edits=[
            file
            for name in JUDGED_EDITED
            for file in shard_tables(name, "edit_images")
        ],
    output:
        table=in_report(
            "faithfulness",
            multiext(
                f"{RESULTS}/tables/faithfulness",
                ".csv",
                ".parquet",
                ".md",
                ".provenance.json",
            ),
        ),
        others=multiext(
            f"{RESULTS}/tables/faithfulness",
            "_paired.csv",
            "_curves.csv",
            "_cases.csv",
        ),
    log:
        f"{RESULTS}/logs/tabulate_faithfulness.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in JUDGED_MAPS],
        judged=[
            f"{name}={file}"
            for name in JUDGED_MAPS
            for file in shard_tables(name, "judge_maps", JUDGED_SHARDS)
        ],
        maps=[f"{name}={RESULTS}/{name}/judge_maps/maps" for name in JUDGED_MAPS],
        edits=[
            f"{name}={file}"
            for name in JUDGED_EDITED
            for file in shard_tables(name, "edit_images")
        ],
        edit_maps=[
            f"{name}={RESULTS}/{name}/edit_images/edits" for name in JUDGED_EDITED
        ],
        methods=CONFIG.judged_methods,
        settings=settings("tabulate_faithfulness"),
        seed=CONFIG.seed,
        code=code("tabulate_faithfulness"),
    message:
        "Tabulating the faithfulness of the maps"
    shell:
        quiet_command(
            "tabulate_faithfulness",
            "--cases {params.cases} --judged {params.judged} --maps {params.maps} --edits {params.edits} --edit-maps"
            " {params.edit_maps} --methods {params.methods} --settings {params.settings:q} --seed {params.seed}"
            " --output-dir {params.folder}",
        )


rule plot_faithfulness:
    input:
        table=f"{RESULTS}/tables/faithfulness.parquet",
        curves=f"{RESULTS}/tables/faithfulness_curves.csv",
        paired=f"{RESULTS}/tables/faithfulness_paired.csv",
        style=FIGURE_STYLE,
    output:
        figure_files("faithfulness", "faithfulness"),
    log:
        f"{RESULTS}/logs/plot_faithfulness.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("plot_faithfulness"),
        code=code("plot_faithfulness"),
    message:
        "Plotting the faithfulness of the maps"
    shell:
        command(
            "plot_faithfulness",
            "--table {input.table} --curves {input.curves} --paired {input.paired} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    faithfulness,


rule faithfulness:
    input:
        rules.tabulate_faithfulness.output if JUDGED_MAPS else [],
        rules.plot_faithfulness.output if JUDGED_MAPS else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/faithfulness"
