# Retrieval: does the model know which caption is the true one? Scores of every caption, tables with intervals, and figures.
#
# REQUIRES  results/<study>/<retrieval dataset>/cases.parquet, the images, the model; the CLIP and second models if asked for
# PRODUCES  results/<study>/<retrieval dataset>/score_retrieval/shard-*.parquet     i_o, i_s, neg_nll, diffitm: one row per
#                                                                                   case, caption and score
#           results/<study>/<retrieval dataset>/score_retrieval/parts/<case>.npz    what an interrupted job had finished
#           results/<study>/<retrieval dataset>/score_<second model>/               the same for a second model
#           results/<study>/<retrieval dataset>/score_{clip,text}/scores.parquet    the same for CLIP and for text alone
#           results/<study>/tables/retrieval.{csv,parquet,md}                       accuracy with intervals
#           results/<study>/tables/retrieval_{by_group,paired}.csv                  by relation, and method against method
#           results/<study>/figures/retrieval/{accuracy,relations,budget}.*         the same as figures
# STEPS     score_retrieval, score_second_model, score_clip, score_text, tabulate_retrieval, plot_retrieval; the target
#           `retrieval` runs all of them

# Methods that one run of the model scores together.
MODEL_METHODS = [
    name
    for name in CONFIG.retrieval.methods
    if name in ("i_o", "i_s", "neg_nll", "diffitm")
]
# Scores of a whole set at once, by method.
WHOLE_SET_STAGES = {
    method: stage
    for method, stage in {"clip": "score_clip", "text_only": "score_text"}.items()
    if method in CONFIG.retrieval.methods
}
# The score tables of a retrieval set, for the methods that the study asks for.
retrieval_scores = lambda name: [
    *(file for stage in RETRIEVAL_STAGES for file in shard_tables(name, stage)),
    *(f"{RESULTS}/{name}/{s}/scores.parquet" for s in WHOLE_SET_STAGES.values()),
]
RETRIEVAL_STAGES = [
    *(["score_retrieval"] if MODEL_METHODS else []),
    *(f"score_{method}" for method in SECOND_MODELS),
]


wildcard_constraints:
    second_model="|".join(SECOND_MODELS) or NOTHING,


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
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=retrieval_images,
    params:
        **{
            **MODEL_PARAMS,
            "maps": lambda wildcards, output: f"{folder_of_first(wildcards, output)}/parts",
        },
        settings=settings("score_retrieval"),
        methods=MODEL_METHODS,
        code=code("score_retrieval"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset}, shard {wildcards.shard}"
    shell:
        model_command("score_retrieval", "--methods {params.methods}")


rule score_second_model:
    input:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        model=lambda wildcards: files_of_model(CONFIG.models[wildcards.second_model]),
    output:
        table=f"{RESULTS}/{{retrieval_dataset}}/score_{{second_model}}/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/score_{{second_model}}/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_{{second_model}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{retrieval_dataset}}/logs/score_{{second_model}}-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=retrieval_images,
    params:
        **{
            **MODEL_PARAMS,
            "maps": lambda wildcards, output: f"{folder_of_first(wildcards, output)}/parts",
            "model": lambda wildcards: section_json(
                CONFIG.models[wildcards.second_model].without_mirrors
            ),
        },
        settings=settings("score_second_model"),
        code=code("score_retrieval"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} by {wildcards.second_model}, shard {wildcards.shard}"
    shell:
        model_command(
            "score_retrieval",
            "--second-model {wildcards.second_model}",
        )


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
        **MODEL_JOB,
        images=retrieval_images,
    params:
        clip=verbatim(section_json(CONFIG.clip.without_mirrors)),
        resize=CONFIG.model.resize,
        failed=CONFIG.max_failed_fraction,
        code=code("score_clip"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} by CLIP"
    shell:
        command(
            "score_clip",
            "--cases {input.cases} --images {resources.images:q} --clip {params.clip:q} --resize"
            " {params.resize} --max-failed-fraction {params.failed} --output {output.scores} --device"
            " {resources.device} --batch-size {resources.batch_size}",
        )


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
        **TABLE_JOB,
    params:
        code=code("score_text"),
    message:
        "Scoring the captions of {wildcards.retrieval_dataset} with the text-only baseline"
    shell:
        command(
            "score_text",
            "--cases {input.cases} --output {output.scores}",
        )


rule tabulate_retrieval:
    input:
        cases=expand(
            f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
            retrieval_dataset=RETRIEVAL_DATASETS,
        ),
        scores=[file for name in RETRIEVAL_DATASETS for file in retrieval_scores(name)],
        relations=present([shipped(CONFIG.retrieval.table.symmetric_relations)]),
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
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("tabulate_retrieval"),
        seed=CONFIG.seed,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in RETRIEVAL_DATASETS],
        scores=[
            f"{name}={file}"
            for name in RETRIEVAL_DATASETS
            for file in retrieval_scores(name)
        ],
        code=code("tabulate_retrieval"),
    message:
        "Tabulating retrieval: accuracy with confidence intervals"
    shell:
        quiet_command(
            "tabulate_retrieval",
            "--cases {params.cases} --scores {params.scores} --settings"
            " {params.settings:q} --seed {params.seed} --output-dir {params.folder}",
        )


rule plot_retrieval:
    input:
        table=f"{RESULTS}/tables/retrieval.csv",
        by_group=f"{RESULTS}/tables/retrieval_by_group.csv",
        style=FIGURE_STYLE,
    output:
        figure_files("retrieval", "accuracy", "relations", "budget"),
    log:
        f"{RESULTS}/logs/plot_retrieval.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("plot_retrieval"),
        code=code("plot_retrieval"),
    message:
        "Plotting retrieval accuracy"
    shell:
        command(
            "plot_retrieval",
            "--table {input.table} --by-group {input.by_group} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    retrieval,


rule retrieval:
    input:
        rules.tabulate_retrieval.output if RETRIEVAL_DATASETS else [],
        rules.plot_retrieval.output if RETRIEVAL_DATASETS else [],
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/retrieval"
