# Maps of information and of attention for every case: how many nats a word carries about each pixel, and where the model
# attends to it.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet, the images, the model
# PRODUCES  results/<study>/<dataset>/pilot_density/density.json             with `density: adaptive`: density of the log-SNRs
#           results/<study>/<dataset>/estimate_information/shard-*.parquet   totals, errors, curves, status
#           results/<study>/<dataset>/estimate_information/maps/<case>.npz   mi, cmi, attention_information
#           results/<study>/<dataset>/record_attention/shard-*.parquet       status
#           results/<study>/<dataset>/record_attention/maps/<case>.npz       attention
# STEPS     pilot_density (adaptive densities only), estimate_information, record_attention

# The fitted density of a dataset, if the study asks for one, and the argument that names it.
pilot_density = lambda wildcards: (
    f"{RESULTS}/{wildcards.dataset}/pilot_density/density.json"
    if CONFIG.information.draws.density == "adaptive"
    else []
)
pilot_argument = lambda wildcards, input: (
    f"--pilot {input.pilot}" if input.pilot else ""
)
information_maps = lambda wildcards: (
    f"{RESULTS}/{wildcards.dataset}/estimate_information/maps"
)
attention_maps = lambda wildcards: (
    f"{RESULTS}/{wildcards.dataset}/record_attention/maps"
)
# The shards of a dataset's estimates, and of its attention.
estimate_shards = lambda wildcards: shard_tables(
    wildcards.dataset, "estimate_information"
)
attention_shards = lambda wildcards: shard_tables(wildcards.dataset, "record_attention")


rule pilot_density:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
    output:
        table=f"{RESULTS}/{{dataset}}/pilot_density/density.json",
        provenance=f"{RESULTS}/{{dataset}}/pilot_density/density.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/pilot_density.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **{**MODEL_JOB, "compile": 0},
        images=dataset_images,
    params:
        **{**MODEL_PARAMS, "maps": folder_of_first, "shards": 1, "failed": 1},
        settings=settings("pilot_density"),
        code=code("pilot_density"),
    message:
        "Fitting the density of log-SNRs to {wildcards.dataset}"
    shell:
        model_command("pilot_density", shard="0")


rule estimate_information:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
    output:
        table=f"{RESULTS}/{{dataset}}/estimate_information/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/estimate_information/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/estimate_information-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/estimate_information-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        **MODEL_PARAMS,
        settings=dataset_settings("estimate_information"),
        pilot=pilot_argument,
        code=code("estimate_information"),
    message:
        "Estimating information in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command("estimate_information", "{params.pilot}")


rule record_attention:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
    output:
        table=f"{RESULTS}/{{dataset}}/record_attention/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/record_attention/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/record_attention-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/record_attention-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        **MODEL_PARAMS,
        settings=dataset_settings("record_attention"),
        code=code("record_attention"),
    message:
        "Recording attention in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command("record_attention")
