# What becomes of an image when a word of its caption is left out or swapped, and did the word's information foretell it?
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of datasets with `editing: true`, the images, the model; the estimates of
#           the localisation study if they are of the same captions and draws; data/models/scenes_classifier/ for the scenes
# PRODUCES  results/<study>/<dataset>/edit_images/shard-*.parquet         captions, reconstruction, nats, preference, status
#           results/<study>/<dataset>/edit_images/edits/<case>.npz        latents, change maps, maps that foretell them
#           results/<study>/<dataset>/edit_images/edits/<case>/*.png      real, unchanged, omit, swap
#           results/<study>/<dataset>/edit_images/edits/<case>/*.webp     first cases: the way from real to omit, to swap
#           results/<study>/<dataset>/judge_edits/judgements.parquet      embedded scenes: what a classifier sees in them
#           results/<study>/tables/editing.{csv,parquet,md}               correlations with intervals
#           results/<study>/tables/editing_{paired,checks}.csv            predictor against predictor; reconstruction, swaps
#           results/<study>/tables/editing_{by_word,implied}.csv          word by word; words that their captions imply
#           results/<study>/tables/editing_flagged.csv                    cases whose unchanged picture came back badly
#           results/<study>/figures/editing/                              strips, contact sheet, scatter, correlations
# STEPS     edit_images, judge_edits, tabulate_editing, plot_edit_strips, plot_edit_correlations; editing asks for all

EDITED = [name for name, dataset in CONFIG.datasets.items() if dataset.editing]
# The scenes' own classifier judges edits of the scenes alone.
JUDGED = [
    name
    for name in EDITED
    if Path(CONFIG.datasets[name].root or "") == Path(CONFIG.scenes.folder)
]
FLOW = section(
    "editing",
    [
        *("sampler", "steps", "rho", "noised_start"),
        *("omit", "swaps", "swap_scope", "animated"),
    ],
)

# How information is estimated; between which captions, the section `editing` says.
ESTIMATING = [
    *("density", "design", "antithetic_eps", "steps"),
    *("extendable", "stopping", "target_error", "pilot_images", "pilot_draws"),
    *("loc", "scale", "clip", "beyond_trained_range"),
]
CLASSIFIER = "data/models/scenes_classifier"


rule edit_images:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
        pilot=pilot_density,
        known=known_information,
    output:
        table=f"{RESULTS}/{{dataset}}/edit_images/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/edit_images/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/edit_images-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/edit_images-{{shard}}.tsv"
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
        maps=lambda wildcards, output: f"{folder_of_first(wildcards, output)}/edits",
        known=lambda wildcards, input: (f"--known {input.known}" if input.known else ""),
        pilot=pilot_argument,
        section=FLOW,
        information=edit_information,
        model=model_section(CONFIG.model),
        heads=CONFIG.attention.heads,
        seed=CONFIG.seed,
        shards=shard_count,
        failed=CONFIG.max_failed_fraction,
        code=code("edit_images"),
    message:
        "Editing the images of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m infodecomp run edit_images --cases {input.cases} --shard {wildcards.shard} --shards {params.shards}"
        " --images {resources.images:q} --maps {params.maps} {params.known} {params.pilot}"
        " --section {params.section:q} --information {params.information:q} --model {params.model:q}"
        " --heads {params.heads} --seed {params.seed} --max-failed-fraction {params.failed} --output {output.table}"
        " --threads {threads} --device {resources.device} --batch-size {resources.batch_size} --compile {resources.compile} 2>&1 | tee {log}"


rule judge_edits:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        classifier=[
            f"{CLASSIFIER}/config.json",
            f"{CLASSIFIER}/model.safetensors",
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
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        maps=edits_of,
        classifier=lambda wildcards, input: str(Path(input.classifier[0]).parent),
        section=section("editing", ["swaps", "swap_scope"]),
        code=code("judge_edits"),
    message:
        "Looking at the edited images of {wildcards.dataset} with a classifier"
    shell:
        "python -m infodecomp run judge_edits --cases {input.cases} --edits {input.edits} --maps {params.maps}"
        " --classifier {params.classifier} --section {params.section:q} --output {output.table}"
        " --threads {threads} 2>&1 | tee {log}"


rule tabulate_editing:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=EDITED),
        edits=[
            f"{RESULTS}/{name}/edit_images/shard-{shard}.parquet"
            for name in EDITED
            for shard in shards(name)
        ],
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
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in EDITED],
        edits=[
            f"{name}={RESULTS}/{name}/edit_images/shard-{shard}.parquet"
            for name in EDITED
            for shard in shards(name)
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
        section=section(
            "editing", ["min_reconstruction_psnr", "bootstrap", "confidence", "error"]
        ),
        datasets=sections_json({name: CONFIG.datasets[name] for name in EDITED}),
        resize=CONFIG.model.resize,
        seed=CONFIG.seed,
        code=code("tabulate_editing"),
    message:
        "Correlating changes of images with what words tell"
    shell:
        "python -m infodecomp run tabulate_editing --cases {params.cases} --edits {params.edits} --maps {params.maps}"
        " {params.judgements} --datasets {params.datasets:q} --resize {params.resize} --section {params.section:q}"
        " --seed {params.seed} --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_edit_strips:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        style=FIGURE_STYLE,
    output:
        in_report(
            "editing",
            expand(
                f"{RESULTS}/figures/editing/{{figure}}-{{{{dataset}}}}.{{suffix}}",
                figure=["strips", "sheet"],
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/{{dataset}}/logs/plot_edit_strips.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        maps=edits_of,
        section=section("figures", FIGURE_KEYS),
        code=code("plot_edit_strips"),
    message:
        "Drawing edits of {wildcards.dataset} as strips and on one sheet"
    shell:
        "python -m infodecomp run plot_edit_strips --cases {input.cases} --edits {input.edits} --maps {params.maps}"
        " --dataset {wildcards.dataset} --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_edit_correlations:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        edits=edit_shards,
        table=f"{RESULTS}/tables/editing.parquet",
        style=FIGURE_STYLE,
    output:
        in_report(
            "editing",
            expand(
                f"{RESULTS}/figures/editing/{{figure}}-{{{{dataset}}}}.{{suffix}}",
                figure=["scatter", "correlations"],
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/{{dataset}}/logs/plot_edit_correlations.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        maps=edits_of,
        section=section("figures", ["format"]),
        editing=section("editing", ["bootstrap", "confidence"]),
        seed=CONFIG.seed,
        code=code("plot_edit_correlations"),
    message:
        "Drawing what foretold the edits of {wildcards.dataset}"
    shell:
        "python -m infodecomp run plot_edit_correlations --cases {input.cases} --edits {input.edits} --maps {params.maps}"
        " --table {input.table} --dataset {wildcards.dataset} --section {params.section:q} --editing {params.editing:q} --seed {params.seed}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    editing,


rule editing:
    input:
        rules.tabulate_editing.output if EDITED else [],
        expand(rules.plot_edit_strips.output, dataset=EDITED),
        expand(rules.plot_edit_correlations.output, dataset=EDITED),
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/editing"
