# Cases of retrieval: images, each with one true caption and false ones, from a set of the ARO benchmark or in its form.
#
# REQUIRES  the files of a set: JSON and an image folder as ARO or Karpathy publish them, or a Parquet mirror
# PRODUCES  results/<study>/<retrieval dataset>/cases.parquet          one row per case: image, crop, options, truth, group
#           results/<study>/<retrieval dataset>/cases.provenance.json  versions, settings and input hashes
#           results/<study>/<retrieval dataset>/images/                the images of a Parquet mirror
# STEPS     build_retrieval_cases

from infodecomp.datasets.retrieval_folders import retrieval_image_folder

RETRIEVAL_DATASETS = list(CONFIG.retrieval_datasets)


wildcard_constraints:
    retrieval_dataset="|".join(RETRIEVAL_DATASETS) or NOTHING,


# The JSON or Parquet files of a set, and the receipts of what is fetched of it.
retrieval_files = lambda dataset: fetched_or_present(
    retrieval_input_files(dataset),
    [Path(folder) for folder in (dataset.images,) if folder],
    rules.draw_scenes_aro.output,
)
retrieval_images = lambda wildcards: str(
    retrieval_image_folder(
        CONFIG.retrieval_datasets[wildcards.retrieval_dataset],
        Path(RESULTS) / wildcards.retrieval_dataset,
    )
)


rule build_retrieval_cases:
    input:
        lambda wildcards: retrieval_files(
            CONFIG.retrieval_datasets[wildcards.retrieval_dataset]
        ),
        remake_changed,
    output:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/cases.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/build_retrieval_cases.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=lambda wildcards: settings_json(
            "build_retrieval_cases", wildcards.retrieval_dataset
        ),
        seed=CONFIG.seed,
        code=code("build_retrieval_cases"),
    message:
        "Building the cases of {wildcards.retrieval_dataset}"
    shell:
        command(
            "build_retrieval_cases",
            "--dataset {wildcards.retrieval_dataset} --settings {params.settings:q} --seed {params.seed} --output"
            " {output.cases}",
        )
