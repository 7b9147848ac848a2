# Training of the representation models, only on request: codes with their encoder and decoder, and decoders of true factors.
#
# REQUIRES  nothing for the embedded factor world; else the prepared images
# PRODUCES  data/models/representation/<model>/          decoder/, encoder/ if there is a code, model.json
#           data/models/representation/<model>.sha256    the hashes of its files
#           data/models/training/representation/<model>/checkpoints/*/*/progress.csv    what was learnt, by step
# STEPS     train_representation; the target `train_representations` trains every model of `representation_model → models`

REPRESENTATION_MODELS = "data/models/representation"
REPRESENTATION_TRAINING = "data/models/training/representation"


rule train_representation:
    input:
        prepared_images,
    output:
        model=directory(f"{REPRESENTATION_MODELS}/{{representation_model}}"),
        hashes=f"{REPRESENTATION_MODELS}/{{representation_model}}.sha256",
    log:
        f"{REPRESENTATION_TRAINING}/logs/train_representation-{{representation_model}}.log",
    wildcard_constraints:
        representation_model="|".join(CONFIG.representation_model.models),
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.cores or 1
    params:
        folder=f"{REPRESENTATION_TRAINING}/{{representation_model}}",
        images=IMAGES,
        settings=lambda job: settings_json(
            "train_representation", job.representation_model
        ),
        code=code("train_representation"),
    message:
        "Training the representation model {wildcards.representation_model}; an interrupted run continues from its last checkpoint"
    shell:
        "python -m infodecomp run train_representation --settings {params.settings:q}{params.images} --work-dir {params.folder}"
        " --output-dir {output.model} --processes {threads} 2>&1 | tee -a {log}"


localrules:
    train_representations,


rule train_representations:
    input:
        expand(
            rules.train_representation.output.hashes,
            representation_model=CONFIG.representation_model.models,
        ),
    message:
        "Done: the new models in {REPRESENTATION_MODELS}"
