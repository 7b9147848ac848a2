# Images that the study makes of prompts, and what images owe to each word of their captions.
#
# REQUIRES  the dataset `generated` in the configuration, the model; or datasets named in `gradients → explain`, and their cases
# PRODUCES  results/<study>/generated/list_prompts/prompts.parquet           an image a row: prompt, words, seed, what is given
#           results/<study>/generated/generate_images/images/<image>.png     the images, and as .webp how they came about
#           results/<study>/generated/generate_images/latents/<image>.npz    the latents that they went through
#           results/<study>/<dataset>/explain_images/shard-*.parquet         status
#           results/<study>/<dataset>/explain_images/maps/<case>.npz         scores of words, and maps, for each target
#           results/<study>/<dataset>/explanations/                          tokens.{csv,parquet}, a picture for each target
# STEPS     list_prompts, generate_images, then the cases as of any dataset; explain_images, draw_explanations; explanations
#           asks for the last
#
# The maps of words by gradients are in information.smk, beside those of information and attention.


rule list_prompts:
    input:
        [CONFIG.generate.listed] if CONFIG.generate.listed else [],
    output:
        prompts=PROMPTS,
        provenance=f"{RESULTS}/{GENERATED}/list_prompts/prompts.provenance.json",
    log:
        f"{RESULTS}/{GENERATED}/logs/list_prompts.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        section=section("generate", ["prompts", "list", "seeds"]),
        code=code("list_prompts"),
    message:
        "Reading the prompts that images are made of"
    shell:
        "python -m infodecomp run list_prompts --section {params.section:q} --output {output.prompts} 2>&1 | tee {log}"


rule generate_images:
    input:
        prompts=PROMPTS,
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
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        compile=int(CONFIG.machine.compile),
        images=str(given_folder(CONFIG.generate)),
    params:
        folder=folder_of_first,
        section=section("generate", ["steps", "guidance", "strength"]),
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=lambda wildcards: CONFIG.shards_of(GENERATED),
        failed=CONFIG.max_failed_fraction,
        code=code("generate_images"),
    message:
        "Making images of prompts, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run generate_images --cases {input.prompts} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.folder}/latents --pictures {params.folder}/images"
        " --section {params.section:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule explain_images:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
        made=lambda wildcards: (
            [PROMPTS, *generated_shards()] if wildcards.dataset == GENERATED else []
        ),
    output:
        table=f"{RESULTS}/{{dataset}}/explain_images/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/explain_images/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/explain_images-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/explain_images-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: CONFIG.machine.threads or 1
    resources:
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        checkpointing=int(CONFIG.machine.checkpointing),
        images=dataset_images,
        given=str(given_folder(CONFIG.generate)),
    params:
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/maps",
        made=made_argument,
        section=own_section(
            "gradients",
            [
                *("steps", "tokens", "cells", "integrated_points"),
                *("special_tokens", "n_last_steps", "boxes"),
            ],
        ),
        information=section_json(CONFIG.information, DRAWING),
        pilot=pilot_argument,
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("explain_images"),
    message:
        "Explaining the images of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run explain_images --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} {params.pilot} {params.made} --given {resources.given:q}"
        " --section {params.section:q} --information {params.information:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads}"
        " --device {resources.device} --batch-size {resources.batch_size} --checkpointing {resources.checkpointing}"
        " 2>&1 | tee {log}"


rule draw_explanations:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        explanations=lambda wildcards: explanation_shards(wildcards.dataset),
        style=FIGURE_STYLE,
    output:
        directory(f"{RESULTS}/{{dataset}}/explanations"),
    log:
        f"{RESULTS}/{{dataset}}/logs/draw_explanations.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        maps=lambda wildcards: f"{RESULTS}/{wildcards.dataset}/explain_images/maps",
        dataset_section=dataset_section,
        section=section("figures", ["palette"]),
        gradients=section("gradients", ["boxes"]),
        resize=CONFIG.model.resize,
        code=code("draw_explanations"),
    message:
        "Drawing what explains the images of {wildcards.dataset}"
    shell:
        "python -m infodecomp run draw_explanations --cases {input.cases} --explanations {input.explanations}"
        " --maps {params.maps} --dataset-section {params.dataset_section:q} --section {params.section:q}"
        " --gradients {params.gradients:q} --resize {params.resize} --output-dir {output} 2>&1 | tee {log}"


localrules:
    explanations,


rule explanations:
    input:
        expand(rules.draw_explanations.output, dataset=EXPLAINED),
    message:
        "Done: {input}"
