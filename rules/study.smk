# The study as a whole: what it will take, and what it did.
#
# REQUIRES  for the plan: results/<study>/<dataset>/cases.parquet of the datasets whose files are there, and the model
#           for the summary: the tables of all stages that look at cases one by one
# PRODUCES  results/<study>/tables/plan.{csv,md}        jobs, denoiser evaluations, hours and disk, before anything runs
#           results/<study>/tables/summary.{csv,md}     cases, failures, evaluations and time, when all is done
# STEPS     plan_study, plan (prints it); summarise_study


# Datasets whose cases can be counted already.
PLANNED = [
    *(
        name
        for name, dataset in CONFIG.datasets.items()
        if all_present(input_files(dataset), rules.draw_scenes.output)
    ),
    *(
        name
        for name, dataset in CONFIG.retrieval_datasets.items()
        if all_present(retrieval_input_files(dataset), rules.draw_scenes_aro.output)
    ),
]
# Stages with a table of cases: dataset, stage, number of shards (0: one table of all cases).
STAGES = [
    *(
        (name, stage, CONFIG.shards_of(name))
        for name in DATASETS
        for stage in (
            *MAP_STAGES,
            *(["generate_images"] if name == GENERATED else []),
            *(["explain_images"] if name in EXPLAINED else []),
            *(["edit_images"] if name in EDITED else []),
        )
    ),
    *((name, "decompose_information", CONFIG.pair_shards_of(name)) for name in PAIRED),
    *((name, "judge_maps", CONFIG.faithfulness.shards) for name in JUDGED_MAPS),
    *(
        (name, stage, CONFIG.shards_of(name))
        for name in RETRIEVAL_DATASETS
        for stage in (
            *(["score_retrieval"] if MODEL_METHODS else []),
            *(f"score_{method}" for method in SECOND_MODELS),
        )
    ),
    *(
        (name, stage, 0)
        for name in RETRIEVAL_DATASETS
        for method, stage in {"clip": "score_clip", "text_only": "score_text"}.items()
        if method in CONFIG.retrieval.methods
    ),
]


rule plan_study:
    input:
        cases=expand(f"{RESULTS}/{{name}}/cases.parquet", name=PLANNED),
        model=present(model_files(None)),
    output:
        multiext(f"{RESULTS}/tables/plan", ".csv", ".md", ".provenance.json"),
    log:
        f"{RESULTS}/logs/plan_study.log",
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in PLANNED],
        section=section_json(
            CONFIG,
            [
                *("shards", "datasets", "retrieval_datasets", "model", "models"),
                *("information", "attention", "gradients", "generate"),
                *("localisation", "retrieval", "editing"),
                *("partial_information", "faithfulness"),
            ],
        ),
        machine=section("machine"),
        host=platform.node(),
        code=code("plan_study"),
    message:
        "Counting what the study takes, and timing the model"
    shell:
        "python -m infodecomp run plan_study --cases {params.cases} --section {params.section:q} --machine {params.machine:q}"
        " --output-dir {params.folder} > {log} 2>&1"


localrules:
    plan,


rule plan:
    input:
        table=f"{RESULTS}/tables/plan.md",
    log:
        f"{RESULTS}/logs/plan.log",
    conda:
        "../envs/pipeline.yaml"
    message:
        "The plan of the study is in {input.table}"
    shell:
        "cat {input.table} 2>&1 | tee {log}"


rule summarise_study:
    input:
        cases=expand(
            f"{RESULTS}/{{name}}/cases.parquet", name=[*DATASETS, *RETRIEVAL_DATASETS]
        ),
        tables=[
            f"{RESULTS}/{name}/{stage}/{file}.parquet"
            for name, stage, count in STAGES
            for file in (
                [f"shard-{shard:04d}" for shard in range(count)]
                if count
                else ["scores"]
            )
        ],
    output:
        multiext(f"{RESULTS}/tables/summary", ".csv", ".md", ".provenance.json"),
    log:
        f"{RESULTS}/logs/summarise_study.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        datasets=[*DATASETS, *RETRIEVAL_DATASETS],
        stages=[f"{name}/{stage}={count}" for name, stage, count in STAGES],
        code=code("summarise_study"),
    message:
        "Summing up the study: cases, failures, evaluations, time"
    shell:
        "python -m infodecomp run summarise_study --results {params.results} --cases {params.datasets}"
        " --stages {params.stages} --output-dir {params.folder} 2>&1 | tee {log}"


# The summary is printed by the run that made it.
STARTED = time.time()


onstart:
    refused = write_problem(Path(RESULTS))
    if refused:
        sys.exit(f"error: {refused}")


onsuccess:
    summary = Path(RESULTS) / "tables" / "summary.md"
    if summary.is_file() and summary.stat().st_mtime >= STARTED:
        print(summary.read_text(encoding="utf-8"))
