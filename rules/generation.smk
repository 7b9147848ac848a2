# Images that the study's model generates from prompts: the dataset `generated`.
#
# REQUIRES  a dataset of kind `generated` in the configuration, the model
# PRODUCES  results/<study>/generated/list_prompts/prompts.parquet         one row per image: prompt, words, seed, given image
#           results/<study>/generated/generate_images/images/<image>.png   the images; .webp shows how each came about
#           results/<study>/generated/generate_images/latents/<image>.npz  the latents along the way
# STEPS     list_prompts, generate_images

from infodecomp.config.generated import GENERATED
from infodecomp.datasets.folders import given_folder

PROMPTS = f"{RESULTS}/{GENERATED}/list_prompts/prompts.parquet"
GENERATING = settings_json("generate_images")


rule list_prompts:
    input:
        *(
            [ancient(str(shipped(CONFIG.generate.source.listed)))]
            if CONFIG.generate.source.listed
            else []
        ),
        remake_changed,
    output:
        prompts=PROMPTS,
        provenance=f"{RESULTS}/{GENERATED}/list_prompts/prompts.provenance.json",
    log:
        f"{RESULTS}/{GENERATED}/logs/list_prompts.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        settings=settings("list_prompts"),
        code=code("list_prompts"),
    message:
        "Listing the prompts of the images to generate"
    shell:
        command(
            "list_prompts",
            "--settings {params.settings:q} --output {output.prompts}",
        )


rule generate_images:
    input:
        cases=PROMPTS,
        model=model_files,
    output:
        table=f"{RESULTS}/{GENERATED}/generate_images/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{GENERATED}/generate_images/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{GENERATED}/logs/generate_images-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{GENERATED}/logs/generate_images-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=str(given_folder(CONFIG.generate.source)),
    params:
        **{
            **MODEL_PARAMS,
            "maps": lambda wildcards, output: f"{folder_of_first(wildcards, output)}/latents",
            "shards": lambda wildcards: CONFIG.shards_of(GENERATED),
        },
        pictures=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/images",
        settings=GENERATING,
        code=code("generate_images"),
    message:
        "Generating images, shard {wildcards.shard}"
    shell:
        model_command("generate_images", "--pictures {params.pictures}")
