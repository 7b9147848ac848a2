# Are the maps true to the model? Their pixels are taken away, and the maps are made again.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of the datasets in `faithfulness → datasets`, the images, the model, the
#           shards and maps of the localisation study; the parts of pairs of words and the edits of datasets that have them
# PRODUCES  results/<study>/<dataset>/judge_maps/shard-*.parquet      ratios, evaluations, status
#           results/<study>/<dataset>/judge_maps/maps/<case>.npz      curves, recorded maps, and these made again
#           results/<study>/tables/faithfulness.{csv,parquet,md}      every measure of every map with intervals
#           results/<study>/tables/faithfulness_{paired,curves,cases}.csv   map against map; ratios by share; case by case
#           results/<study>/figures/faithfulness/faithfulness.*       the curves, and the table as a figure
# STEPS     judge_maps, tabulate_faithfulness, plot_faithfulness; faithfulness asks for all of them


JUDGED_EDITED = [name for name in JUDGED_MAPS if name in EDITED]


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
        maps_information=information_maps,
        maps_attention=attention_maps,
        gradients=gradient_arguments,
        parts=word_parts_arguments,
        pairs_section=section("partial_information", ["map_redundancy", "word_prior"]),
        methods=CONFIG.judged_methods,
        section=section(
            "faithfulness",
            [
                *("cases", "estimators", "judged", "fractions"),
                *("filling", "filling_logsnr", "draws", "repeated_draws"),
            ],
        ),
        information=section("information"),
        attention=section("attention"),
        gradients_section=section("gradients", ["steps"]),
        pilot=pilot_argument,
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=CONFIG.faithfulness.shards,
        failed=CONFIG.max_failed_fraction,
        code=code("judge_maps"),
    message:
        "Judging the maps of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run judge_maps --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} --estimates {input.estimates} --attention {input.attention}"
        " --maps-information {params.maps_information} --maps-attention {params.maps_attention} {params.gradients}"
        " {params.parts} --pairs-section {params.pairs_section:q}"
        " --methods {params.methods} --section {params.section:q} --information-section {params.information:q}"
        " --attention-section {params.attention:q} --gradients-section {params.gradients_section:q} {params.pilot}"
        " --model {params.model:q} --seed {params.seed} --max-failed-fraction {params.failed} --output {output.table}"
        " --threads {threads} --device {resources.device} --batch-size {resources.batch_size}"
        " --compile {resources.compile} 2>&1 | tee {log}"


rule tabulate_faithfulness:
    input:
        cases=expand(f"{RESULTS}/{{name}}/cases.parquet", name=JUDGED_MAPS),
        judged=[file for name in JUDGED_MAPS for file in judged_shards(name)],
        edits=[
            f"{RESULTS}/{name}/edit_images/shard-{shard}.parquet"
            for name in JUDGED_EDITED
            for shard in shards(name)
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
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in JUDGED_MAPS],
        judged=[
            f"{name}={file}" for name in JUDGED_MAPS for file in judged_shards(name)
        ],
        maps=[f"{name}={RESULTS}/{name}/judge_maps/maps" for name in JUDGED_MAPS],
        edits=[
            f"{name}={RESULTS}/{name}/edit_images/shard-{shard}.parquet"
            for name in JUDGED_EDITED
            for shard in shards(name)
        ],
        edit_maps=[
            f"{name}={RESULTS}/{name}/edit_images/edits" for name in JUDGED_EDITED
        ],
        methods=CONFIG.judged_methods,
        section=section(
            "faithfulness",
            [
                *("cases", "estimators", "judged", "fractions", "filling"),
                *("bootstrap", "confidence"),
            ],
        ),
        seed=CONFIG.seed,
        code=code("tabulate_faithfulness"),
    message:
        "Tabulating how true the maps are to the model"
    shell:
        "python -m infodecomp run tabulate_faithfulness --cases {params.cases} --judged {params.judged} --maps {params.maps}"
        " --edits {params.edits} --edit-maps {params.edit_maps} --methods {params.methods}"
        " --section {params.section:q} --seed {params.seed} --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_faithfulness:
    input:
        table=f"{RESULTS}/tables/faithfulness.parquet",
        curves=f"{RESULTS}/tables/faithfulness_curves.csv",
        paired=f"{RESULTS}/tables/faithfulness_paired.csv",
        style=FIGURE_STYLE,
    output:
        in_report(
            "faithfulness",
            multiext(
                f"{RESULTS}/figures/faithfulness/faithfulness",
                *(f".{suffix}" for suffix in FIGURE_FORMATS),
                ".provenance.json",
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_faithfulness.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        section=section("figures", FIGURE_KEYS),
        faithfulness=section("faithfulness", ["confidence"]),
        code=code("plot_faithfulness"),
    message:
        "Drawing how true the maps are to the model"
    shell:
        "python -m infodecomp run plot_faithfulness --table {input.table} --curves {input.curves} --paired {input.paired}"
        " --faithfulness {params.faithfulness:q} --section {params.section:q}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    faithfulness,


rule faithfulness:
    input:
        rules.tabulate_faithfulness.output if JUDGED_MAPS else [],
        rules.plot_faithfulness.output if JUDGED_MAPS else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/faithfulness"
