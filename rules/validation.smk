# Validation: is the estimator right? Runs on problems whose information is known: bias, error, coverage, evaluations.
#
# REQUIRES  nothing: the problems are part of the package
# PRODUCES  results/<study>/validation/validate_estimator/<problem>.parquet   one row per run, quantity and level
#           results/<study>/tables/validation.{csv,parquet,md}                bias, error, coverage, evaluations
#           results/<study>/figures/validation/error.*                        error of totals against evaluations
#           results/<study>/figures/validation/coverage.*                     coverage against the number of draws
# STEPS     validate_estimator, tabulate_validation, plot_validation; the target `validation` runs all of them


wildcard_constraints:
    problem="|".join(CONFIG.validation.problems),


rule validate_estimator:
    input:
        remake_changed,
    output:
        runs=f"{RESULTS}/validation/validate_estimator/{{problem}}.parquet",
        provenance=f"{RESULTS}/validation/validate_estimator/{{problem}}.provenance.json",
    log:
        f"{RESULTS}/validation/logs/validate_estimator-{{problem}}.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=settings("validate_estimator"),
        seed=CONFIG.seed,
        code=code("validate_estimator"),
    message:
        "Validating the estimator on {wildcards.problem}"
    shell:
        command(
            "validate_estimator",
            "--problem {wildcards.problem} --settings {params.settings:q} --seed"
            " {params.seed} --output {output.runs}",
        )


rule tabulate_validation:
    input:
        runs=expand(
            f"{RESULTS}/validation/validate_estimator/{{problem}}.parquet",
            problem=CONFIG.validation.problems,
        ),
    output:
        table=in_report(
            "validation",
            multiext(
                f"{RESULTS}/tables/validation",
                ".csv",
                ".parquet",
                ".md",
                ".provenance.json",
            ),
        ),
    log:
        f"{RESULTS}/logs/tabulate_validation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("tabulate_validation"),
        code=code("tabulate_validation"),
    message:
        "Tabulating validation: bias, error, coverage"
    shell:
        quiet_command(
            "tabulate_validation",
            "--runs {input.runs} --settings {params.settings:q} --output-dir {params.folder}",
        )


rule plot_validation:
    input:
        table=f"{RESULTS}/tables/validation.parquet",
        style=FIGURE_STYLE,
    output:
        figure_files("validation", "error", "coverage"),
    log:
        f"{RESULTS}/logs/plot_validation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("plot_validation"),
        code=code("plot_validation"),
    message:
        "Plotting validation: error against evaluations, coverage"
    shell:
        command(
            "plot_validation",
            "--table {input.table} --settings {params.settings:q} --output-dir"
            " {params.folder}",
        )


localrules:
    validation,


rule validation:
    input:
        rules.tabulate_validation.output,
        rules.plot_validation.output,
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/validation"
