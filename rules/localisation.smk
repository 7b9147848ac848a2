# Localisation: how well the maps of words find the named objects; scores, the table of mIoU, and the figures.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet
#           results/<study>/<dataset>/estimate_information/, record_attention/, record_gradients/
#                                                                                 shards and maps/<case_id>.npz
# PRODUCES  results/<study>/<dataset>/score_localisation/scores.parquet           one row per case, method and steps
#           results/<study>/tables/localisation.{csv,parquet,md}                  the mIoU table with intervals
#           results/<study>/tables/localisation_{by_label,curves}.csv             the same by label and by threshold
#           results/<study>/figures/localisation/threshold_curves.*               mIoU against the threshold
#           results/<study>/figures/localisation/scores.*                         the mIoU table as a figure
#           results/<study>/figures/localisation/panels-<dataset>.*               image, maps, mask and caption of cases
# STEPS     score_localisation, tabulate_localisation, plot_localisation_curves, plot_localisation_panels; the target
#           `localisation` runs all of them

# Stages that record maps of every case.
MAP_STAGES = [
    *("estimate_information", "record_attention"),
    *(["record_gradients"] if GRADIENTS else []),
]


rule score_localisation:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        estimates=estimate_shards,
        attention=attention_shards,
        gradients=gradient_shards,
        parts=lambda wildcards: (
            word_parts(wildcards) if "unique" in CONFIG.localisation.methods else []
        ),
        annotations=dataset_inputs,
    output:
        scores=f"{RESULTS}/{{dataset}}/score_localisation/scores.parquet",
        provenance=f"{RESULTS}/{{dataset}}/score_localisation/scores.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/score_localisation.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/score_localisation.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=dataset_settings("score_localisation"),
        seed=CONFIG.seed,
        maps_information=information_maps,
        maps_attention=attention_maps,
        gradients=gradient_arguments,
        parts=word_parts_arguments,
        code=code("score_localisation"),
    message:
        "Scoring the maps of {wildcards.dataset} against their masks"
    shell:
        command(
            "score_localisation",
            "--cases {input.cases} --estimates {input.estimates} --attention {input.attention} --maps-information"
            " {params.maps_information} --maps-attention {params.maps_attention} {params.gradients} {params.parts}"
            " --settings {params.settings:q}"
            " --seed {params.seed} --output {output.scores}",
        )


rule tabulate_localisation:
    input:
        scores=expand(
            f"{RESULTS}/{{dataset}}/score_localisation/scores.parquet",
            dataset=LOCALISED,
        ),
    output:
        table=in_report(
            "localisation",
            multiext(
                f"{RESULTS}/tables/localisation",
                ".csv",
                ".parquet",
                ".md",
                ".provenance.json",
            ),
        ),
        by_label=f"{RESULTS}/tables/localisation_by_label.csv",
        curves=f"{RESULTS}/tables/localisation_curves.csv",
    log:
        f"{RESULTS}/logs/tabulate_localisation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("tabulate_localisation"),
        seed=CONFIG.seed,
        scores=[
            f"{name}={RESULTS}/{name}/score_localisation/scores.parquet"
            for name in LOCALISED
        ],
        code=code("tabulate_localisation"),
    message:
        "Tabulating localisation: mIoU with confidence intervals"
    shell:
        quiet_command(
            "tabulate_localisation",
            "--scores {params.scores} --settings {params.settings:q} --seed {params.seed} --output-dir {params.folder}",
        )


rule plot_localisation_curves:
    input:
        curves=f"{RESULTS}/tables/localisation_curves.csv",
        table=f"{RESULTS}/tables/localisation.parquet",
        style=FIGURE_STYLE,
    output:
        figure_files("localisation", "threshold_curves", "scores"),
    log:
        f"{RESULTS}/logs/plot_localisation_curves.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("plot_localisation_curves"),
        code=code("plot_localisation"),
    message:
        "Plotting mIoU by method and by threshold"
    shell:
        command(
            "plot_localisation",
            "--curves {input.curves} --table {input.table} --settings"
            " {params.settings:q} --output-dir {params.folder}",
        )


rule plot_localisation_panels:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        estimates=estimate_shards,
        attention=attention_shards,
        annotations=dataset_inputs,
        # Scores choose the cases of a dataset with masks.
        scores=lambda wildcards: (
            rules.score_localisation.output.scores
            if wildcards.dataset in LOCALISED
            else []
        ),
        style=FIGURE_STYLE,
    output:
        figure_files("localisation", "panels-{dataset}"),
    log:
        f"{RESULTS}/{{dataset}}/logs/plot_localisation_panels.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=dataset_settings("plot_localisation_panels"),
        scores=lambda wildcards, input: (
            f"--scores {input.scores}" if input.scores else ""
        ),
        maps_information=information_maps,
        maps_attention=attention_maps,
        code=code("plot_localisation"),
    message:
        "Plotting maps of {wildcards.dataset}"
    shell:
        command(
            "plot_localisation",
            "--cases {input.cases} --maps-information {params.maps_information} --maps-attention"
            " {params.maps_attention} {params.scores} --settings {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    localisation,


rule localisation:
    input:
        rules.tabulate_localisation.output if LOCALISED else [],
        rules.plot_localisation_curves.output if LOCALISED else [],
        expand(rules.plot_localisation_panels.output, dataset=DATASETS),
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/localisation"
