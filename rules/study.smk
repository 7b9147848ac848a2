# The study as a whole: what it will cost, and what it did.
#
# REQUIRES  for the plan: results/<study>/<dataset>/cases.parquet of the datasets whose files exist, and the model
#           for the summary: the tables of all stages that treat cases or images one by one
# PRODUCES  results/<study>/tables/plan.{csv,md}        jobs, denoiser evaluations, hours and disk, before anything runs
#           results/<study>/tables/summary.{csv,md}     cases, failures, evaluations and time
# STEPS     plan_study, plan (prints it); summarise_study

import platform
import time

from infodecomp.config.unfamiliar import without_meaning
from infodecomp.report.closing import close_run
from infodecomp.runs.storage_errors import write_problem
from infodecomp.runs.time_left import announce_time_left
from infodecomp.runs.written_paths import written_paths

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
# Images of representations that are prepared already; those of the embedded world need not be.
PLANNED_IMAGES = present(rules.prepare_representation_images.output if IMAGES else [])
# What each part of the study ends in.
PART_RESULTS = {
    "localisation": rules.localisation.input,
    "retrieval": rules.retrieval.input,
    "editing": rules.editing.input,
    "pairs": rules.partial_information.input,
    "faithfulness": rules.faithfulness.input,
    "validation": rules.validation.input,
    "representation": rules.representation.input,
}
# Datasets that some part of the study uses, and retrieval sets.
USED = {
    name
    for part, names in {
        "localisation": DATASETS,
        "editing": EDITED,
        "pairs": PAIRED,
        "faithfulness": JUDGED_MAPS,
        "retrieval": RETRIEVAL_DATASETS,
    }.items()
    if part in PARTS
    for name in names
}
STUDIED = [name for name in [*DATASETS, *RETRIEVAL_DATASETS] if name in USED]
# Stages with a table of cases: part, dataset, stage, its tables.
CASE_TABLES = [
    *(
        (part, name, stage, shard_tables(name, stage))
        for name in DATASETS
        for part, stages in {
            "localisation": [
                *MAP_STAGES,
                *(["generate_images"] if name == GENERATED else []),
                *(["explain_images"] if name in EXPLAINED else []),
            ],
            "editing": ["edit_images"] if name in EDITED else [],
        }.items()
        for stage in stages
    ),
    *(
        ("localisation", name, stage, [f"{RESULTS}/{name}/{stage}/scores.parquet"])
        for name in LOCALISED
        for stage in ["score_localisation"]
    ),
    *(
        ("pairs", name, "decompose_information", pair_estimates(name))
        for name in PAIRED
    ),
    *(
        (
            *("faithfulness", name, "judge_maps"),
            shard_tables(name, "judge_maps", JUDGED_SHARDS),
        )
        for name in JUDGED_MAPS
    ),
    *(
        ("retrieval", name, stage, shard_tables(name, stage))
        for name in RETRIEVAL_DATASETS
        for stage in RETRIEVAL_STAGES
    ),
    *(
        ("retrieval", name, stage, [f"{RESULTS}/{name}/{stage}/scores.parquet"])
        for name in RETRIEVAL_DATASETS
        for stage in WHOLE_SET_STAGES.values()
    ),
    *(
        (
            *("representation", f"representation/{name}", "estimate_representation"),
            described_shards(name),
        )
        for name in DESCRIBED
    ),
]
SUMMARISED = [rest for part, *rest in CASE_TABLES if part in PARTS]


rule plan_study:
    input:
        cases=expand(f"{RESULTS}/{{name}}/cases.parquet", name=PLANNED),
        model=present(model_files(None)),
        images=PLANNED_IMAGES,
    output:
        multiext(f"{RESULTS}/tables/plan", ".csv", ".md", ".provenance.json"),
    log:
        f"{RESULTS}/logs/plan_study.log",
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        **{**MODEL_JOB, "runtime": TABLE_JOB["runtime"]},
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in PLANNED],
        images=IMAGES if PLANNED_IMAGES else "",
        settings=verbatim(section_json(CONFIG)),
        host=platform.node(),
        code=code("plan_study"),
    message:
        "Counting the work of the study and timing the model"
    shell:
        "python -m infodecomp run plan_study --cases {params.cases} --settings {params.settings:q}"
        "{params.images} --output-dir {params.folder} > {log} 2>&1"


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
        "The plan of the study, {input.table}"
    shell:
        "cat {input.table} 2>&1 | tee {log}"


rule summarise_study:
    input:
        cases=expand(f"{RESULTS}/{{name}}/cases.parquet", name=STUDIED),
        tables=[file for name, stage, files in SUMMARISED for file in files],
    output:
        multiext(f"{RESULTS}/tables/summary", ".csv", ".md", ".provenance.json"),
    log:
        f"{RESULTS}/logs/summarise_study.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        datasets=STUDIED,
        unfamiliar=[name for name in CONFIG.unfamiliar_datasets if name in STUDIED],
        # A number of shards; 0 stands for one table of all cases.
        stages=[
            f"{name}/{stage}={0 if Path(files[0]).name == 'scores.parquet' else len(files)}"
            for name, stage, files in SUMMARISED
        ],
        code=code("summarise_study"),
    message:
        "Summarising the study: cases, failures, evaluations, time"
    shell:
        command(
            "summarise_study",
            "--results {params.results} --cases {params.datasets} --stages {params.stages} --unfamiliar"
            " {params.unfamiliar} --output-dir {params.folder}",
        )


STARTED = time.time()
WARNINGS = without_meaning(CONFIG.unfamiliar_datasets, STUDIED)


onstart:
    jobs = list(workflow.dag.needrun_jobs())
    refused = write_problem(
        Path(RESULTS),
        *written_paths(
            Path(RESULTS),
            (file for job in jobs for file in job.output),
            (
                file
                for job in jobs
                for file in (*job.log, *filter(None, [job.benchmark]))
            ),
        ),
    )
    if refused:
        sys.exit(f"error: {refused}")
    if WARNINGS:
        print(*WARNINGS, sep="\n", file=sys.stderr)
    put_aside_damaged_files()
    CONTENTS.save()
    announce_time_left(job.rule.name for job in jobs)


onsuccess:
    look_again()
    close_run(Path(RESULTS), STARTED, warnings=WARNINGS)


onerror:
    look_again()
    close_run(Path(RESULTS), STARTED, failed=True, logs=log)
