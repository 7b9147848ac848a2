# Representation: what do codes and factors say about images, in nats, and how far is a decoder from Bayes?
#
# REQUIRES  the folders of the models that `representation → models` names; images that representation_images.smk prepares,
#           unless they are drawn
# PRODUCES  results/<study>/representation/<model>/pilot_representation/density.json          range and density of log-SNRs
#           results/<study>/representation/<model>/estimate_representation/shard-*.parquet   totals, errors, curves, status
#           results/<study>/representation/<model>/estimate_representation/maps/<image>.npz  the same, and maps
#           results/<study>/representation/<model>/exact_representation/*.parquet            exact values and curves
#           results/<study>/tables/representation_{information,by_dimension,by_factor}.{csv,parquet,md}
#           results/<study>/tables/representation_curves.{csv,parquet}                       integrands against log-SNR
#           results/<study>/figures/representation/{maps,curves,dimensions,factors}.*
# STEPS     pilot_representation, estimate_representation, exact_representation, tabulate_representation,
#           plot_representation; the target `representation` of representation_quality.smk runs all of them


rule pilot_representation:
    input:
        remake_changed,
        model=described_files,
        images=prepared_images,
    output:
        density=f"{REPRESENTATION}/pilot_representation/density.json",
        provenance=f"{REPRESENTATION}/pilot_representation/density.provenance.json",
    log:
        f"{REPRESENTATION}/logs/pilot_representation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **TABLE_JOB,
    params:
        **DESCRIPTION_PARAMS,
        settings=description_settings("pilot_representation"),
        code=code("pilot_representation"),
    message:
        "Finding the log-SNRs at which {wildcards.described} carry information"
    shell:
        command(
            "pilot_representation",
            "--model {params.model:q} --settings {params.settings:q} --seed {params.seed} --output {output.density}"
            f" --threads {{threads}}{IMAGES}",
        )


rule estimate_representation:
    input:
        model=described_files,
        images=prepared_images,
        pilot=f"{REPRESENTATION}/pilot_representation/density.json",
    output:
        table=f"{REPRESENTATION}/estimate_representation/shard-{{shard}}.parquet",
        provenance=f"{REPRESENTATION}/estimate_representation/shard-{{shard}}.provenance.json",
    log:
        f"{REPRESENTATION}/logs/estimate_representation-{{shard}}.log",
    benchmark:
        f"{REPRESENTATION}/logs/estimate_representation-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
    params:
        **DESCRIPTION_PARAMS,
        shards=CONFIG.representation.shards,
        maps=maps_beside_table,
        failed=CONFIG.max_failed_fraction,
        settings=description_settings("estimate_representation"),
        code=code("estimate_representation"),
    message:
        "Estimating what {wildcards.described} say about images, shard {wildcards.shard}"
    shell:
        command(
            "estimate_representation",
            "--model {params.model:q} --settings {params.settings:q} --seed {params.seed} --pilot {input.pilot}"
            " --shard {wildcards.shard} --shards {params.shards} --maps {params.maps} --max-failed-fraction"
            " {params.failed} --output {output.table} --threads {threads} --device {resources.device} --batch-size"
            f" {{resources.batch_size}}{IMAGES}",
        )


rule exact_representation:
    input:
        model=described_files,
        images=prepared_images,
        pilot=f"{REPRESENTATION}/pilot_representation/density.json",
    output:
        values=f"{REPRESENTATION}/exact_representation/values.parquet",
        curves=f"{REPRESENTATION}/exact_representation/curves.parquet",
        description=f"{REPRESENTATION}/exact_representation/description.json",
        provenance=f"{REPRESENTATION}/exact_representation/values.provenance.json",
    log:
        f"{REPRESENTATION}/logs/exact_representation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **TABLE_JOB,
    params:
        **DESCRIPTION_PARAMS,
        settings=description_settings("exact_representation"),
        code=code("exact_representation"),
    message:
        "Computing exactly what {wildcards.described} say about images"
    shell:
        command(
            "exact_representation",
            "--model {params.model:q} --settings {params.settings:q} --seed {params.seed} --pilot {input.pilot}"
            f" --output {{output.values}} --threads {{threads}}{IMAGES}",
        )


rule tabulate_representation:
    input:
        shards=[file for name in DESCRIBED for file in described_shards(name)],
        exact=expand(rules.exact_representation.output.values, described=DESCRIBED),
    output:
        tables=in_report(
            "representation",
            [
                f"{RESULTS}/tables/representation_{name}"
                for name in (
                    *("information.csv", "information.parquet", "information.md"),
                    *("by_dimension.csv", "by_dimension.parquet", "by_dimension.md"),
                    *("by_factor.csv", "by_factor.parquet", "by_factor.md"),
                    *("curves.csv", "curves.parquet"),
                )
            ],
        ),
        provenance=f"{RESULTS}/tables/representation.provenance.json",
    log:
        f"{RESULTS}/logs/tabulate_representation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        estimates=[
            f"{name}={file}" for name in DESCRIBED for file in described_shards(name)
        ],
        exact=[
            f"{name}={REPRESENTATION.format(described=name)}/exact_representation"
            for name in DESCRIBED
        ],
        settings=settings("tabulate_representation"),
        code=code("tabulate_representation"),
    message:
        "Tabulating what codes and factors say about images"
    shell:
        quiet_command(
            "tabulate_representation",
            "--shards {params.estimates} --exact {params.exact} --settings {params.settings:q} --output-dir"
            " {params.folder}",
        )


rule plot_representation:
    input:
        shards=rules.tabulate_representation.input.shards,
        tables=rules.tabulate_representation.output.tables,
        style=FIGURE_STYLE,
    output:
        figure_files(
            "representation",
            *("maps", "curves", "dimensions", "factors"),
        ),
    log:
        f"{RESULTS}/logs/plot_representation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        tables=lambda wildcards, input: str(Path(input.tables[0]).parent),
        estimates=rules.tabulate_representation.params.estimates,
        settings=settings("plot_representation"),
        code=code("plot_representation"),
    message:
        "Plotting what codes and factors say about images"
    shell:
        command(
            "plot_representation",
            "--tables {params.tables} --shards {params.estimates} --settings {params.settings:q} --output-dir"
            " {params.folder}",
        )
