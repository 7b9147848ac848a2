# What the model's output owes to each word, by gradients: maps of every case, and explanations of whole images.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet, the images, the model; for images that the study generated, their latents
# PRODUCES  results/<study>/<dataset>/record_gradients/shard-*.parquet   status
#           results/<study>/<dataset>/record_gradients/maps/<case>.npz   gradient, if localisation has the method
#           results/<study>/<dataset>/explain_images/shard-*.parquet     status
#           results/<study>/<dataset>/explain_images/maps/<case>.npz     scores of words, and maps, for each target
#           results/<study>/<dataset>/explanations/                      tokens.{csv,parquet}, a picture for each target
# STEPS     record_gradients; explain_images, draw_explanations; the target `explanations` runs the last two

GRADIENTS = "gradient" in CONFIG.localisation.methods
# Datasets whose images are explained word by word.
EXPLAINED = list(
    CONFIG.gradients.datasets or [name for name in DATASETS if name == GENERATED]
)
# The gradient maps of a dataset, if the study asks for them, and the arguments that name them.
gradient_shards = lambda wildcards: (
    shard_tables(wildcards.dataset, "record_gradients") if GRADIENTS else []
)
gradient_arguments = lambda wildcards, input: (
    f"--gradients {' '.join(input.gradients)}"
    f" --maps-gradients {RESULTS}/{wildcards.dataset}/record_gradients/maps"
    if input.gradients
    else ""
)


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
    threads: MODEL_THREADS
    resources:
        **{**MODEL_JOB, "compile": 0},
        images=dataset_images,
    params:
        **MODEL_PARAMS,
        settings=dataset_settings("record_gradients"),
        pilot=pilot_argument,
        code=code("record_gradients"),
    message:
        "Recording gradients in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command("record_gradients", "{params.pilot}")


rule explain_images:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
        made=lambda wildcards: (
            [PROMPTS, *shard_tables(GENERATED, "generate_images")]
            if wildcards.dataset == GENERATED
            else []
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
    threads: MODEL_THREADS
    resources:
        **{**MODEL_JOB, "compile": 0},
        images=dataset_images,
        checkpointing=int(CONFIG.machine.checkpointing),
        given=str(given_folder(CONFIG.generate.source)),
    params:
        **MODEL_PARAMS,
        made=lambda wildcards: (
            f"--prompts {PROMPTS} --trajectories {RESULTS}/{GENERATED}/generate_images/latents"
            f" --generation '{GENERATING}'"
            if wildcards.dataset == GENERATED
            else ""
        ),
        settings=dataset_settings("explain_images"),
        pilot=pilot_argument,
        code=code("explain_images"),
    message:
        "Explaining the images of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command(
            "explain_images",
            "{params.pilot} {params.made} --given {resources.given:q}"
            " --checkpointing {resources.checkpointing}",
        )


rule draw_explanations:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        explanations=lambda wildcards: shard_tables(wildcards.dataset, "explain_images"),
        style=FIGURE_STYLE,
    output:
        multiext(
            f"{RESULTS}/{{dataset}}/explanations/tokens",
            ".csv",
            ".parquet",
            ".provenance.json",
        ),
    log:
        f"{RESULTS}/{{dataset}}/logs/draw_explanations.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        maps=lambda wildcards: f"{RESULTS}/{wildcards.dataset}/explain_images/maps",
        settings=dataset_settings("draw_explanations"),
        code=code("draw_explanations"),
    message:
        "Plotting the explanations of {wildcards.dataset}"
    shell:
        command(
            "draw_explanations",
            "--cases {input.cases} --explanations {input.explanations} --maps {params.maps} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    explanations,


rule explanations:
    input:
        expand(rules.draw_explanations.output, dataset=EXPLAINED),
    message:
        "Done: tables and pictures in {RESULTS}/<dataset>/explanations"
