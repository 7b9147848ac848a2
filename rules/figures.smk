# The figures that belong to no single chain, the published numbers beside ours, and the target for all figures.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet and estimate_information/; for one caption the images and the model; the
#           tables of the study's parts; results/released/tables/ if that study has run
# PRODUCES  results/<study>/<dataset>/dissect_caption/{words.parquet,maps.npz}     every word of one caption; maps at ten log-SNRs
#           results/<study>/figures/caption/teaser.*, denoising_strip.*            one caption, word by word and noise by noise
#           results/<study>/figures/information/integrand_curves.*                integrands of MI and CMI against log-SNR
#           results/<study>/figures/information/information_scatter.*             CMI against MI, by class and by kind of word
#           results/<study>/tables/paper_comparison.{csv,md}                      published numbers, ours, the released code's way
# STEPS     dissect_caption, plot_teaser, plot_denoising_strip, plot_integrand_curves, plot_information_scatter, tabulate_paper;
#           paper_figures asks for every figure of the study

from shlex import quote

# One caption is taken apart: of the first dataset with masks, or of the first.
CAPTION_DATASET = [*LOCALISED, *DATASETS][:1]
# The curves want one case of each label: a dataset made so, or the first cases of the other.
CURVES_DATASET = [
    *(name for name in LOCALISED if CONFIG.datasets[name].per_label == 1),
    *CAPTION_DATASET,
][:1]
PARTS = {
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
        gpu=gpus,
        mem_mb=model_memory,
        runtime=model_runtime,
        device=CONFIG.machine.device,
        batch_size=CONFIG.machine.batch_size,
        images=dataset_images,
    params:
        folder=folder_of_first,
        image=(
            f"--image-id={quote(CONFIG.figures.caption_image)}"
            if CONFIG.figures.caption_image
            else ""
        ),
        section=section("information"),
        model=model_section(CONFIG.model),
        seed=CONFIG.seed,
        code=code("dissect_caption"),
    message:
        "Taking a caption of {wildcards.dataset} apart, word by word"
    shell:
        "python -m infodecomp run dissect_caption --cases {input.cases} --images {resources.images:q}"
        " {params.image} --section {params.section:q} --model {params.model:q} --seed {params.seed}"
        " --output-dir {params.folder} --device {resources.device} --batch-size {resources.batch_size}"
        " 2>&1 | tee {log}"


rule plot_teaser:
    input:
        words=expand(rules.dissect_caption.output.words, dataset=CAPTION_DATASET),
        maps=expand(rules.dissect_caption.output.maps, dataset=CAPTION_DATASET),
        style=FIGURE_STYLE,
    output:
        in_report(
            "caption",
            expand(
                f"{RESULTS}/figures/caption/teaser.{{suffix}}",
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_teaser.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        section=section("figures", ["palette", "format"]),
        code=code("plot_teaser"),
    message:
        "Drawing one caption with every word in the colour of its nats"
    shell:
        "python -m infodecomp run plot_teaser --words {input.words} --section {params.section:q}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_denoising_strip:
    input:
        words=expand(rules.dissect_caption.output.words, dataset=CAPTION_DATASET),
        maps=expand(rules.dissect_caption.output.maps, dataset=CAPTION_DATASET),
        style=FIGURE_STYLE,
    output:
        in_report(
            "caption",
            expand(
                f"{RESULTS}/figures/caption/denoising_strip.{{suffix}}",
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_denoising_strip.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        section=section("figures", ["palette", "format"]),
        code=code("plot_denoising_strip"),
    message:
        "Drawing at which noise the words of a caption tell what"
    shell:
        "python -m infodecomp run plot_denoising_strip --words {input.words} --section {params.section:q}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_integrand_curves:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=CURVES_DATASET),
        estimates=[shard for name in CURVES_DATASET for shard in estimates_of(name)],
        style=FIGURE_STYLE,
    output:
        in_report(
            "information",
            expand(
                f"{RESULTS}/figures/information/integrand_curves.{{suffix}}",
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_integrand_curves.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        dataset=CURVES_DATASET,
        section=section("figures", ["format"]),
        code=code("plot_integrand_curves"),
    message:
        "Drawing integrands against the log-SNR"
    shell:
        "python -m infodecomp run plot_integrand_curves --cases {input.cases} --estimates {input.estimates}"
        " --dataset {params.dataset} --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_information_scatter:
    input:
        cases=expand(f"{RESULTS}/{{dataset}}/cases.parquet", dataset=DATASETS),
        estimates=[shard for name in DATASETS for shard in estimates_of(name)],
        style=FIGURE_STYLE,
    output:
        in_report(
            "information",
            expand(
                f"{RESULTS}/figures/information/information_scatter.{{suffix}}",
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_information_scatter.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        cases=[f"{name}={RESULTS}/{name}/cases.parquet" for name in DATASETS],
        estimates=[
            f"{name}={shard}" for name in DATASETS for shard in estimates_of(name)
        ],
        section=section("figures", ["format"]),
        localisation=section("localisation", ["bootstrap", "confidence"]),
        seed=CONFIG.seed,
        code=code("plot_information_scatter"),
    message:
        "Drawing CMI against MI"
    shell:
        "python -m infodecomp run plot_information_scatter --cases {params.cases} --estimates {params.estimates}"
        " --section {params.section:q} --localisation {params.localisation:q}"
        " --seed {params.seed} --output-dir {params.folder} 2>&1 | tee {log}"


rule tabulate_paper:
    input:
        published="data/reference/paper_tables.csv",
        ours=[
            f"{RESULTS}/tables/{part}.parquet"
            for part, datasets in PARTS.items()
            if datasets
        ],
        released=present(
            f"results/released/tables/{part}.parquet"
            for part in PARTS
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
        confidence=CONFIG.localisation.confidence,
        code=code("tabulate_paper"),
    message:
        "Setting the published numbers beside ours"
    shell:
        "python -m infodecomp run tabulate_paper --published {input.published} --ours {input.ours}"
        " --released {input.released} --study {params.study} --confidence {params.confidence}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    paper_figures,


rule paper_figures:
    input:
        rules.plot_localisation_curves.output if LOCALISED else [],
        expand(rules.plot_localisation_panels.output, dataset=DATASETS),
        rules.plot_retrieval.output if RETRIEVAL_DATASETS else [],
        expand(rules.plot_edit_strips.output, dataset=EDITED),
        expand(rules.plot_edit_correlations.output, dataset=EDITED),
        rules.plot_partial_information.output if PAIRED else [],
        rules.plot_faithfulness.output if JUDGED_MAPS else [],
        rules.plot_validation.output,
        rules.plot_teaser.output if DATASETS else [],
        rules.plot_denoising_strip.output if DATASETS else [],
        rules.plot_integrand_curves.output if DATASETS else [],
        rules.plot_information_scatter.output if DATASETS else [],
        rules.tabulate_paper.output,
    message:
        "Done: figures in {RESULTS}/figures"
