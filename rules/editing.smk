# Editing: what happens to an image when a word of its caption is left out or swapped, and did the word's information predict it?
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of datasets with `editing: true`, the images, the model; the estimates of
#           the localisation study if captions and draws are the same; data/models/scenes_classifier/ for the scenes
# PRODUCES  results/<study>/<dataset>/edit_images/shard-*.parquet         captions, reconstruction, nats, preference, status
#           results/<study>/<dataset>/edit_images/edits/<case>.npz        latents, change maps, maps that predict them
#           results/<study>/<dataset>/edit_images/edits/<case>/*.png      real, unchanged, omit, swap
#           results/<study>/<dataset>/edit_images/edits/<case>/*.webp     first cases: the path from real to omit, to swap
#           results/<study>/<dataset>/judge_edits/judgements.parquet      embedded scenes: what a classifier finds in them
#           results/<study>/tables/editing.{csv,parquet,md}               correlations with intervals
#           results/<study>/tables/editing_{paired,checks}.csv            predictor against predictor; reconstruction, swaps
#           results/<study>/tables/editing_{by_word,implied}.csv          word by word; words that their captions imply
#           results/<study>/tables/editing_flagged.csv                    cases whose unchanged picture was reconstructed badly
#           results/<study>/figures/editing/                              strips, contact sheet, scatter, correlations
# STEPS     edit_images, judge_edits, tabulate_editing, plot_edit_strips, plot_edit_correlations; the target `editing` runs all

EDITED = [name for name, dataset in CONFIG.datasets.items() if dataset.editing]
# Only edits of the scenes are judged, by the scenes' own classifier.
JUDGED = [
    name
    for name in EDITED
    if Path(CONFIG.datasets[name].root or "") == Path(CONFIG.scenes.folder)
]
CLASSIFIER = shipped("data/models/scenes_classifier")
edit_shards = lambda wildcards: shard_tables(wildcards.dataset, "edit_images")
edits_of = lambda wildcards: f"{RESULTS}/{wildcards.dataset}/edit_images/edits"


rule edit_images:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
        # Estimates of the localisation study, if they are those that edits need.
        known=lambda wildcards: (
            f"{RESULTS}/{wildcards.dataset}/estimate_information/shard-{wildcards.shard}.parquet"
            if CONFIG.editing.shares(CONFIG.of_dataset(wildcards.dataset).information)
            else []
        ),
    output:
        table=f"{RESULTS}/{{dataset}}/edit_images/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/edit_images/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/edit_images-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/edit_images-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        **{
            **MODEL_PARAMS,
            "maps": lambda wildcards, output: f"{folder_of_first(wildcards, output)}/edits",
        },
        known=lambda wildcards, input: f"--known {input.known}" if input.known else "",
        pilot=pilot_argument,
        settings=lambda wildcards: settings_json(
            "edit_images", study=CONFIG.of_edits(wildcards.dataset)
        ),
        code=code("edit_images"),
    message:
        "Editing the images of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command(
            "edit_images",
            "{params.known} {params.pilot}",
        )


rule judge_edits:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        classifier=[
            ancient(str(CLASSIFIER / "config.json")),
            ancient(str(CLASSIFIER / "model.safetensors")),
        ],
    output:
        table=f"{RESULTS}/{{dataset}}/judge_edits/judgements.parquet",
        provenance=f"{RESULTS}/{{dataset}}/judge_edits/judgements.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/judge_edits.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **TABLE_JOB,
    params:
        maps=edits_of,
        classifier=lambda wildcards, input: str(Path(input.classifier[0]).parent),
        settings=settings("judge_edits"),
        code=code("judge_edits"),
    message:
        "Classifying the edited images of {wildcards.dataset}"
    shell:
        command(
            "judge_edits",
            "--cases {input.cases} --edits {input.edits} --maps {params.maps} --classifier {params.classifier:q}"
            " --settings {params.settings:q} --output {output.table} --threads {threads}",
        )


rule tabulate_editing:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=EDITED),
        edits=[file for name in EDITED for file in shard_tables(name, "edit_images")],
        judgements=expand(
            f"{RESULTS}/{{dataset}}/judge_edits/judgements.parquet", dataset=JUDGED
        ),
        annotations=sorted(
            {file for name in EDITED for file in dataset_files(CONFIG.datasets[name])}
        ),
    output:
        in_report(
            "editing",
            expand(
                f"{RESULTS}/tables/editing.{{suffix}}", suffix=["csv", "parquet", "md"]
            ),
        ),
        expand(
            f"{RESULTS}/tables/editing_{{table}}.csv",
            table=["paired", "checks", "flagged", "by_word", "implied"],
        ),
        f"{RESULTS}/tables/editing.provenance.json",
    log:
        f"{RESULTS}/logs/tabulate_editing.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in EDITED],
        edits=[
            f"{name}={file}"
            for name in EDITED
            for file in shard_tables(name, "edit_images")
        ],
        maps=[f"{name}={RESULTS}/{name}/edit_images/edits" for name in EDITED],
        judgements=(
            "--judgements "
            + " ".join(
                f"{name}={RESULTS}/{name}/judge_edits/judgements.parquet"
                for name in JUDGED
            )
            if JUDGED
            else ""
        ),
        settings=settings("tabulate_editing"),
        seed=CONFIG.seed,
        code=code("tabulate_editing"),
    message:
        "Correlating each word's information with the change of its image"
    shell:
        quiet_command(
            "tabulate_editing",
            "--cases {params.cases} --edits {params.edits} --maps {params.maps} {params.judgements} --settings"
            " {params.settings:q} --seed {params.seed}"
            " --output-dir {params.folder}",
        )


rule plot_edit_strips:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        style=FIGURE_STYLE,
    output:
        figure_files("editing", "strips-{dataset}", "sheet-{dataset}"),
    log:
        f"{RESULTS}/{{dataset}}/logs/plot_edit_strips.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        maps=edits_of,
        settings=settings("plot_edit_strips"),
        code=code("plot_edit_strips"),
    message:
        "Plotting the edits of {wildcards.dataset} as strips and on one sheet"
    shell:
        command(
            "plot_edit_strips",
            "--cases {input.cases} --edits {input.edits} --maps {params.maps} --dataset {wildcards.dataset} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


rule plot_edit_correlations:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        table=f"{RESULTS}/tables/editing.parquet",
        style=FIGURE_STYLE,
    output:
        figure_files("editing", "scatter-{dataset}", "correlations-{dataset}"),
    log:
        f"{RESULTS}/{{dataset}}/logs/plot_edit_correlations.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        maps=edits_of,
        settings=settings("plot_edit_correlations"),
        seed=CONFIG.seed,
        code=code("plot_edit_correlations"),
    message:
        "Plotting how well each map predicted the edits of {wildcards.dataset}"
    shell:
        command(
            "plot_edit_correlations",
            "--cases {input.cases} --edits {input.edits} --maps {params.maps} --table {input.table} --dataset"
            " {wildcards.dataset} --settings {params.settings:q} --seed {params.seed}"
            " --output-dir {params.folder}",
        )


localrules:
    editing,


rule editing:
    input:
        rules.tabulate_editing.output if EDITED else [],
        expand(rules.plot_edit_strips.output, dataset=EDITED),
        expand(rules.plot_edit_correlations.output, dataset=EDITED),
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/editing"
