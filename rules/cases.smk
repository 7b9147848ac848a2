# Cases of images and words, with which every chain but retrieval begins: one row per image and word of its caption.
#
# REQUIRES  a dataset in COCO's layout (instances, captions, images), with a CSV for the kind word_list; your own CSV or
#           folder (custom); or the images that the study generates (generated)
# PRODUCES  results/<study>/<dataset>/cases.parquet           one row per (image, word): prompts, mask source, status
#           results/<study>/<dataset>/cases.provenance.json   versions, settings and input hashes
# STEPS     build_cases

from infodecomp.datasets.mask_column import is_localised

DATASETS = list(CONFIG.datasets)
# Without masks there are heat maps, and no scores, tables or figures of them.
LOCALISED = [name for name, dataset in CONFIG.datasets.items() if is_localised(dataset)]


wildcard_constraints:
    dataset="|".join(DATASETS) or NOTHING,


# The annotation and list files of a dataset, and the receipts of what is fetched of it.
dataset_files = lambda dataset: fetched_or_present(
    input_files(dataset), [image_folder(dataset)], rules.draw_scenes.output
)
# What cases are made from, and masks drawn; images that the study generates are complete with their shards.
dataset_inputs = lambda wildcards: [
    *dataset_files(CONFIG.datasets[wildcards.dataset]),
    *(
        shard_tables(GENERATED, "generate_images")
        if wildcards.dataset == GENERATED
        else []
    ),
]
dataset_images = lambda wildcards: str(image_folder(CONFIG.datasets[wildcards.dataset]))


rule build_cases:
    input:
        dataset_inputs,
        remake_changed,
        prompts=lambda wildcards: PROMPTS if wildcards.dataset == GENERATED else [],
    output:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        provenance=f"{RESULTS}/{{dataset}}/cases.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/build_cases.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=dataset_settings("build_cases"),
        prompts=lambda wildcards: (
            f"--prompts {PROMPTS}" if wildcards.dataset == GENERATED else ""
        ),
        code=code("build_cases"),
    message:
        "Building the cases of {wildcards.dataset}"
    shell:
        command(
            "build_cases",
            "--dataset {wildcards.dataset} --settings {params.settings:q} {params.prompts} --output {output.cases}",
        )
