# What words tell about pixels: information and attention maps of every case, shard by shard. The only rules that run
# the model.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet, the images, the model
# PRODUCES  results/<study>/<dataset>/pilot_density/density.json               with `density: adaptive`: what draws follow
#           results/<study>/<dataset>/estimate_information/shard-*.parquet     totals, errors, curves, status
#           results/<study>/<dataset>/estimate_information/maps/<case>.npz     mi, cmi, attention_information
#           results/<study>/<dataset>/record_attention/shard-*.parquet         status
#           results/<study>/<dataset>/record_attention/maps/<case>.npz         attention
#           results/<study>/<dataset>/record_gradients/shard-*.parquet         status
#           results/<study>/<dataset>/record_gradients/maps/<case>.npz         gradient, if the study asks for it
# STEPS     pilot_density (if asked for), estimate_information, record_attention, record_gradients


# How draws are made and between which captions, which gradients share with the estimator; their number is their own.
DRAWING = [
    *("density", "design", "antithetic_eps", "pilot_images", "pilot_draws"),
    *("loc", "scale", "clip", "beyond_trained_range", "missing_word"),
]


rule pilot_density:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
    output:
        density=f"{RESULTS}/{{dataset}}/pilot_density/density.json",
        provenance=f"{RESULTS}/{{dataset}}/pilot_density/density.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/pilot_density.log",
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        images=dataset_images,
    params:
        maps=folder_of_first,
        section=section(
            "information",
            [
                *(
                    "density",
                    "pilot_images",
                    "pilot_draws",
                    "word_prompt",
                    "missing_word",
                ),
                *("loc", "scale", "clip", "beyond_trained_range"),
            ],
        ),
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        code=code("pilot_density"),
    message:
        "Fitting the density of log-SNRs to {wildcards.dataset}"
    shell:
        "python -m infodecomp run pilot_density --cases {input.cases} --shard 0 --shards 1"
        " --images {resources.images:q} --maps {params.maps}"
        " --section {params.section:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction 1 --output {output.density} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} 2>&1 | tee {log}"


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
        section=own_section("information"),
        model=model_section(CONFIG.model),
        heads=CONFIG.attention.heads,
        pilot=pilot_argument,
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("estimate_information"),
    message:
        "Estimating information in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run estimate_information --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps}"
        " --section {params.section:q} --model {params.model:q} --heads {params.heads} {params.pilot} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


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
        section=own_section("attention"),
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("record_attention"),
    message:
        "Recording attention in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run record_attention --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps}"
        " --section {params.section:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule record_gradients:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
    output:
        table=f"{RESULTS}/{{dataset}}/record_gradients/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/record_gradients/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/record_gradients-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/record_gradients-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        images=dataset_images,
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/maps",
        section=own_section("gradients", ["steps"]),
        information=section_json(CONFIG.information, DRAWING),
        pilot=pilot_argument,
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("record_gradients"),
    message:
        "Recording gradients in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run record_gradients --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} {params.pilot}"
        " --section {params.section:q} --information {params.information:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} 2>&1 | tee {log}"
