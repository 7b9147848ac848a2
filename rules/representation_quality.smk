# Quality of representations: what models of codes draw, and how good codes and samples are.
#
# REQUIRES  as representation.smk; DINOv2's folder or Inception's weights, where `features` names them
# PRODUCES  results/<study>/representation/classifier/                                      features of the images' factors
#           results/<study>/representation/<model>/sample_representation/drawn.npz           samples, reconstructions, strips
#           results/<study>/representation/<model>/judge_representation/{quality,samples}.parquet   a row a score
#           results/<study>/tables/representation_{quality,samples,paper}.{csv,parquet,md}
#           results/<study>/figures/representation/<model>/{samples,traversals,interpolations}.*
# STEPS     train_representation_classifier, sample_representation, judge_representation, tabulate_representation_quality,
#           plot_representation_pictures; the target `representation` runs these and those of representation.smk


rule train_representation_classifier:
    input:
        remake_changed,
        images=prepared_images,
    output:
        model=directory(REPRESENTATION_CLASSIFIER),
        hashes=f"{REPRESENTATION_CLASSIFIER}.sha256",
    log:
        f"{RESULTS}/representation/logs/train_representation_classifier.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **TABLE_JOB,
    params:
        seed=CONFIG.seed,
        images=IMAGES,
        settings=settings("train_representation_classifier"),
        code=code("train_representation_classifier"),
    message:
        "Training the classifier of factors whose features are compared, a minute"
    shell:
        command(
            "train_representation_classifier",
            "--settings {params.settings:q} --seed {params.seed} --output-dir {output.model} --threads {threads}{params.images}",
        )


rule sample_representation:
    input:
        remake_changed,
        model=described_files,
        images=prepared_images,
    output:
        drawn=f"{REPRESENTATION}/sample_representation/drawn.npz",
        provenance=f"{REPRESENTATION}/sample_representation/drawn.provenance.json",
    log:
        f"{REPRESENTATION}/logs/sample_representation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
    params:
        **DESCRIPTION_PARAMS,
        images=IMAGES,
        settings=settings("sample_representation"),
        code=code("sample_representation"),
    message:
        "Drawing images with {wildcards.described}"
    shell:
        command(
            "sample_representation",
            "--model {params.model:q} --settings {params.settings:q} --seed {params.seed} --output {output.drawn}"
            " --threads {threads} --device {resources.device}{params.images}",
        )


rule judge_representation:
    input:
        model=described_files,
        images=prepared_images,
        drawn=rules.sample_representation.output.drawn,
        features=feature_networks,
    output:
        quality=f"{REPRESENTATION_JUDGED}/quality.parquet",
        samples=f"{REPRESENTATION_JUDGED}/samples.parquet",
        provenance=f"{REPRESENTATION_JUDGED}/quality.provenance.json",
    log:
        f"{REPRESENTATION}/logs/judge_representation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **TABLE_JOB,
    params:
        **DESCRIPTION_PARAMS,
        classifier=(
            f"--classifier {REPRESENTATION_CLASSIFIER}"
            if "classifier" in CONFIG.representation.judging.features
            else ""
        ),
        images=IMAGES,
        settings=settings("judge_representation"),
        code=code("judge_representation"),
    message:
        "Judging codes and samples of {wildcards.described}"
    shell:
        command(
            "judge_representation",
            "--model {params.model:q} --name {wildcards.described} --drawn {input.drawn} {params.classifier}"
            " --settings {params.settings:q} --seed {params.seed} --output {output.quality} --threads {threads}{params.images}",
        )


rule tabulate_representation_quality:
    input:
        quality=expand(rules.judge_representation.output.quality, described=DESCRIBED),
        samples=expand(rules.judge_representation.output.samples, described=DESCRIBED),
        published=ancient(str(shipped("data/reference/representation_papers.csv"))),
    output:
        tables=in_report(
            "representation",
            [
                f"{RESULTS}/tables/representation_{name}.{suffix}"
                for name in ("quality", "samples", "paper")
                for suffix in ("csv", "parquet", "md", "provenance.json")
            ],
        ),
    log:
        f"{RESULTS}/logs/tabulate_representation_quality.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        dataset=CONFIG.representation.images.dataset,
        code=code("tabulate_representation_quality"),
    message:
        "Tabulating the quality of codes and samples"
    shell:
        quiet_command(
            "tabulate_representation_quality",
            "--quality {input.quality} --samples {input.samples} --published {input.published:q} --dataset"
            " {params.dataset} --output-dir {params.folder}",
        )


rule plot_representation_pictures:
    input:
        drawn=rules.sample_representation.output.drawn,
        samples=rules.judge_representation.output.samples,
        by_dimension=f"{RESULTS}/tables/representation_by_dimension.parquet",
        style=FIGURE_STYLE,
    output:
        figure_files(
            "representation/{described}", "samples", "traversals", "interpolations"
        ),
    log:
        f"{REPRESENTATION}/logs/plot_representation_pictures.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("plot_representation_pictures"),
        code=code("plot_representation_pictures"),
    message:
        "Plotting what {wildcards.described} draws"
    shell:
        command(
            "plot_representation_pictures",
            "--name {wildcards.described} --drawn {input.drawn} --samples {input.samples} --by-dimension"
            " {input.by_dimension} --settings {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    representation,


rule representation:
    input:
        rules.tabulate_representation.output,
        rules.plot_representation.output,
        rules.tabulate_representation_quality.output,
        expand(rules.plot_representation_pictures.output, described=DESCRIBED),
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/representation"
