# Does the model know which caption is the true one? Scores of every caption, the tables with intervals, and the figures.
#
# REQUIRES  results/<study>/<retrieval dataset>/cases.parquet, the images, the model; the CLIP and second models if asked for
# PRODUCES  results/<study>/<retrieval dataset>/score_retrieval/shard-*.parquet     i_o, i_s, neg_nll, diffitm: one row per
#                                                                                   case, caption and score
#           results/<study>/<retrieval dataset>/score_retrieval/parts/<case>.npz    what a killed job had finished
#           results/<study>/<retrieval dataset>/score_<second model>/               the same for a second model
#           results/<study>/<retrieval dataset>/score_{clip,text}/scores.parquet    the same for CLIP and for text alone
#           results/<study>/tables/retrieval.{csv,parquet,md}                       accuracy with intervals
#           results/<study>/tables/retrieval_{by_group,paired}.csv                  by relation, and method against method
#           results/<study>/figures/retrieval/{accuracy,relations,budget}.*         the same as figures
# STEPS     score_retrieval, score_second_model, score_clip, score_text, tabulate_retrieval, plot_retrieval; retrieval
#           asks for all of them

# What scoring reads: changing anything else of these sections runs no model again.
SCORING = section_json(
    CONFIG.retrieval.model_copy(update={"methods": tuple(MODEL_METHODS)}),
    ["methods", "steps", "stopping", "error", "diffitm_timesteps"],
)
SAMPLING = section(
    "information",
    [
        *("density", "design", "antithetic_eps"),
        *("loc", "scale", "clip", "beyond_trained_range"),
    ],
)


rule score_retrieval:
    input:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        model=model_files,
    output:
        table=f"{RESULTS}/{{retrieval_dataset}}/score_retrieval/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/score_retrieval/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_retrieval-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_retrieval-{{shard}}.tsv"
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
        images=retrieval_images,
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/parts",
        section=SCORING,
        information=SAMPLING,
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("score_retrieval"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run score_retrieval --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} --section {params.section:q}"
        " --information {params.information:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule score_second_model:
    input:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        model=second_model_files,
    output:
        table=f"{RESULTS}/{{retrieval_dataset}}/score_{{second_model}}/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/score_{{second_model}}/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_{{second_model}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_{{second_model}}-{{shard}}.tsv"
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
        images=retrieval_images,
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/parts",
        section=section("retrieval", ["diffitm_timesteps"]),
        information=section("information", []),
        model=second_model_section,
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("score_retrieval"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} by {wildcards.second_model}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run score_retrieval --second-model {wildcards.second_model} --cases {input.cases}"
        " --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} --section {params.section:q}"
        " --information {params.information:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule score_clip:
    input:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        model=files_of_model(CONFIG.clip),
    output:
        scores=f"{RESULTS}/{{retrieval_dataset}}/score_clip/scores.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/score_clip/scores.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_clip.log",
    benchmark:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_clip.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        images=retrieval_images,
    params:
        section=model_section(CONFIG.clip),
        resize=CONFIG.model.resize,
        failed=CONFIG.max_failed_fraction,
        code=code("score_clip"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} by CLIP"
    shell:
        "python -m infodecomp run score_clip --cases {input.cases} --images {resources.images:q} --section {params.section:q}"
        " --resize {params.resize} --max-failed-fraction {params.failed} --output {output.scores}"
        " --device {resources.device} --batch-size {resources.batch_size} 2>&1 | tee {log}"


rule score_text:
    input:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
    output:
        scores=f"{RESULTS}/{{retrieval_dataset}}/score_text/scores.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/score_text/scores.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_text.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        code=code("score_text"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} without a look at the images"
    shell:
        "python -m infodecomp run score_text --cases {input.cases} --output {output.scores} 2>&1 | tee {log}"


rule tabulate_retrieval:
    input:
        cases=expand(
            f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
            retrieval_dataset=RETRIEVAL_DATASETS,
        ),
        scores=[file for name in RETRIEVAL_DATASETS for file in retrieval_scores(name)],
        relations=present([CONFIG.retrieval.symmetric_relations]),
    output:
        table=in_report(
            "retrieval",
            multiext(
                f"{RESULTS}/tables/retrieval",
                ".csv",
                ".parquet",
                ".md",
                ".provenance.json",
            ),
        ),
        by_group=f"{RESULTS}/tables/retrieval_by_group.csv",
        paired=f"{RESULTS}/tables/retrieval_paired.csv",
    log:
        f"{RESULTS}/logs/tabulate_retrieval.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        section=section("retrieval"),
        datasets=sections_json(CONFIG.retrieval_datasets),
        seed=CONFIG.seed,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in RETRIEVAL_DATASETS],
        scores=[
            f"{name}={file}"
            for name in RETRIEVAL_DATASETS
            for file in retrieval_scores(name)
        ],
        code=code("tabulate_retrieval"),
    message:
        "Tabulating retrieval: accuracy with intervals"
    shell:
        "python -m infodecomp run tabulate_retrieval --cases {params.cases} --scores {params.scores}"
        " --datasets {params.datasets:q} --section {params.section:q} --seed {params.seed}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_retrieval:
    input:
        table=f"{RESULTS}/tables/retrieval.csv",
        by_group=f"{RESULTS}/tables/retrieval_by_group.csv",
        style=FIGURE_STYLE,
    output:
        in_report(
            "retrieval",
            expand(
                f"{RESULTS}/figures/retrieval/{{figure}}.{{suffix}}",
                figure=["accuracy", "relations", "budget"],
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_retrieval.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        confidence=CONFIG.retrieval.confidence,
        section=section("figures", ["format"]),
        code=code("plot_retrieval"),
    message:
        "Drawing the accuracy of retrieval"
    shell:
        "python -m infodecomp run plot_retrieval --table {input.table} --by-group {input.by_group}"
        " --confidence {params.confidence} --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    retrieval,


rule retrieval:
    input:
        rules.tabulate_retrieval.output if RETRIEVAL_DATASETS else [],
        rules.plot_retrieval.output if RETRIEVAL_DATASETS else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/retrieval"
