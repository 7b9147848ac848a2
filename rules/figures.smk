# Figures that belong to no single chain, the published numbers beside this study's, and the target for all figures.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet and estimate_information/; for one caption the images and the model; the
#           tables of the study's parts; results/released/tables/ if that study has run
# PRODUCES  results/<study>/<dataset>/dissect_caption/{words.parquet,maps.npz}     every word of one caption; maps at ten log-SNRs
#           results/<study>/figures/caption/teaser.*, denoising_strip.*            one caption, by word and by noise level
#           results/<study>/figures/information/integrand_curves.*                integrands of MI and CMI against log-SNR
#           results/<study>/figures/information/information_scatter.*             CMI against MI, by class and by kind of word
#           results/<study>/tables/paper_comparison.{csv,md}                      published numbers, this study's, and those of study `released`
# STEPS     dissect_caption, plot_teaser, plot_denoising_strip, plot_integrand_curves, plot_information_scatter, tabulate_paper;
#           the target `paper_figures` makes every figure of the study

from shlex import quote

from infodecomp.study.published_datasets import is_compared

# One caption is shown word by word: of the first dataset with masks, or of the first dataset.
CAPTION_DATASET = [*LOCALISED, *DATASETS][:1]
# The curves show one case of each label: of a dataset built that way, or the first cases of the caption's.
CURVES_DATASET = [
    *(name for name in LOCALISED if CONFIG.datasets[name].per_label == 1),
    *CAPTION_DATASET,
][:1]
# Whether the study has a dataset with published numbers, or one that stands in for it.
COMPARED = is_compared([*DATASETS, *RETRIEVAL_DATASETS])
# Tables with published counterparts, by part, and the datasets that they are made from.
PUBLISHED_TABLES = {
    "localisation": LOCALISED,
    "retrieval": RETRIEVAL_DATASETS,
    "editing": EDITED,
}


rule dissect_caption:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        model=model_files,
    output:
        words=f"{RESULTS}/{{dataset}}/dissect_caption/words.parquet",
        maps=f"{RESULTS}/{{dataset}}/dissect_caption/maps.npz",
        provenance=f"{RESULTS}/{{dataset}}/dissect_caption/words.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/dissect_caption.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        folder=folder_of_first,
        image=verbatim(
            f"--image-id={quote(CONFIG.figures.caption_image)}"
            if CONFIG.figures.caption_image
            else ""
        ),
        settings=settings("dissect_caption"),
        model=verbatim(section_json(CONFIG.model.without_mirrors)),
        seed=CONFIG.seed,
        code=code("dissect_caption"),
    message:
        "Estimating every word of one caption of {wildcards.dataset}"
    shell:
        command(
            "dissect_caption",
            "--cases {input.cases} --images {resources.images:q} {params.image} --settings {params.settings:q} --model"
            " {params.model:q} --seed {params.seed} --output-dir {params.folder} --device {resources.device}"
            " --batch-size {resources.batch_size}",
        )


rule plot_teaser:
    input:
        words=expand(rules.dissect_caption.output.words, dataset=CAPTION_DATASET),
        maps=expand(rules.dissect_caption.output.maps, dataset=CAPTION_DATASET),
        style=FIGURE_STYLE,
    output:
        figure_files("caption", "teaser"),
    log:
        f"{RESULTS}/logs/plot_teaser.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        settings=settings("plot_teaser"),
        code=code("plot_teaser"),
    message:
        "Plotting one caption, each word in the colour of its nats"
    shell:
        command(
            "plot_teaser",
            "--words {input.words} --settings {params.settings:q} --output-dir {params.folder}",
        )


rule plot_denoising_strip:
    input:
        words=expand(rules.dissect_caption.output.words, dataset=CAPTION_DATASET),
        maps=expand(rules.dissect_caption.output.maps, dataset=CAPTION_DATASET),
        style=FIGURE_STYLE,
    output:
        figure_files("caption", "denoising_strip"),
    log:
        f"{RESULTS}/logs/plot_denoising_strip.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        settings=settings("plot_denoising_strip"),
        code=code("plot_denoising_strip"),
    message:
        "Plotting each word's information against the noise level"
    shell:
        command(
            "plot_denoising_strip",
            "--words {input.words} --settings {params.settings:q} --output-dir {params.folder}",
        )


rule plot_integrand_curves:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=CURVES_DATASET),
        estimates=[
            file
            for name in CURVES_DATASET
            for file in shard_tables(name, "estimate_information")
        ],
        style=FIGURE_STYLE,
    output:
        figure_files("information", "integrand_curves"),
    log:
        f"{RESULTS}/logs/plot_integrand_curves.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        dataset=CURVES_DATASET,
        settings=settings("plot_integrand_curves"),
        code=code("plot_integrand_curves"),
    message:
        "Plotting integrands against the log-SNR"
    shell:
        command(
            "plot_integrand_curves",
            "--cases {input.cases} --estimates {input.estimates} --dataset {params.dataset} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


rule plot_information_scatter:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=DATASETS),
        estimates=[
            file
            for name in DATASETS
            for file in shard_tables(name, "estimate_information")
        ],
        style=FIGURE_STYLE,
    output:
        figure_files("information", "information_scatter"),
    log:
        f"{RESULTS}/logs/plot_information_scatter.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in DATASETS],
        estimates=[
            f"{name}={file}"
            for name in DATASETS
            for file in shard_tables(name, "estimate_information")
        ],
        settings=settings("plot_information_scatter"),
        seed=CONFIG.seed,
        code=code("plot_information_scatter"),
    message:
        "Plotting CMI against MI"
    shell:
        command(
            "plot_information_scatter",
            "--cases {params.cases} --estimates {params.estimates} --settings"
            " {params.settings:q} --seed {params.seed} --output-dir {params.folder}",
        )


rule tabulate_paper:
    input:
        published=ancient(str(shipped("data/reference/paper_tables.csv"))),
        ours=[
            f"{RESULTS}/tables/{part}.parquet"
            for part, datasets in PUBLISHED_TABLES.items()
            if datasets and in_parts(part)
        ],
        released=present(
            f"results/released/tables/{part}.parquet"
            for part in PUBLISHED_TABLES
            if CONFIG.study != "released"
        ),
    output:
        in_report(
            "paper",
            expand(
                f"{RESULTS}/tables/paper_comparison.{{suffix}}",
                suffix=["csv", "md", "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/tabulate_paper.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        study=CONFIG.study,
        confidence=CONFIG.statistics.confidence,
        code=code("tabulate_paper"),
    message:
        "Comparing the published numbers with this study's"
    shell:
        quiet_command(
            "tabulate_paper",
            "--published {input.published:q} --ours {input.ours} --released {input.released} --study {params.study}"
            " --confidence {params.confidence} --output-dir {params.folder}",
        )


localrules:
    paper_figures,


rule paper_figures:
    input:
        (
            [
                *(rules.plot_localisation_curves.output if LOCALISED else []),
                *expand(rules.plot_localisation_panels.output, dataset=DATASETS),
                *(rules.plot_teaser.output if DATASETS else []),
                *(rules.plot_denoising_strip.output if DATASETS else []),
                *(rules.plot_integrand_curves.output if DATASETS else []),
                *(rules.plot_information_scatter.output if DATASETS else []),
            ]
            if in_parts("localisation")
            else []
        ),
        (
            rules.plot_retrieval.output
            if RETRIEVAL_DATASETS and in_parts("retrieval")
            else []
        ),
        (
            [
                *expand(rules.plot_edit_strips.output, dataset=EDITED),
                *expand(rules.plot_edit_correlations.output, dataset=EDITED),
            ]
            if in_parts("editing")
            else []
        ),
        rules.plot_partial_information.output if PAIRED and in_parts("pairs") else [],
        (
            rules.plot_faithfulness.output
            if JUDGED_MAPS and in_parts("faithfulness")
            else []
        ),
        rules.plot_validation.output if in_parts("validation") else [],
        rules.tabulate_paper.output if COMPARED else [],
    message:
        "Done: figures in {RESULTS}/figures"
