# Is the estimator right? Runs on problems whose information is known: bias, error, coverage, evaluations.
#
# REQUIRES  nothing: the problems are part of the package
# PRODUCES  results/<study>/validation/validate_estimator/<problem>.parquet   one row per run, quantity and level
#           results/<study>/tables/validation.{csv,parquet,md}                bias, error, coverage, evaluations
#           results/<study>/figures/validation/error.*                        error of totals against evaluations
#           results/<study>/figures/validation/coverage.*                     coverage against the number of draws
# STEPS     validate_estimator, tabulate_validation, plot_validation; validation asks for all of them


rule validate_estimator:
    output:
        runs=f"{RESULTS}/validation/validate_estimator/{{problem}}.parquet",
        provenance=f"{RESULTS}/validation/validate_estimator/{{problem}}.provenance.json",
    log:
        f"{RESULTS}/validation/logs/validate_estimator-{{problem}}.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        section=section(
            "validation",
            [
                "designs",
                "densities",
                "antithetic_eps",
                "steps",
                "points",
                "runs",
                "confidence",
            ],
        ),
        information=section(
            "information", ["loc", "scale", "clip", "pilot_images", "pilot_draws"]
        ),
        seed=CONFIG.seed,
        code=code("validate_estimator"),
    message:
        "Validating the estimator on {wildcards.problem}"
    shell:
        "python -m infodecomp run validate_estimator --problem {wildcards.problem} --section {params.section:q}"
        " --information {params.information:q} --seed {params.seed} --output {output.runs} 2>&1 | tee {log}"


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
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        section=section("validation"),
        code=code("tabulate_validation"),
    message:
        "Tabulating validation: bias, error, coverage"
    shell:
        "python -m infodecomp run tabulate_validation --runs {input.runs} --section {params.section:q}"
        " --output-dir {params.folder} 2>&1 | tee {log}"


rule plot_validation:
    input:
        table=f"{RESULTS}/tables/validation.parquet",
        style=FIGURE_STYLE,
    output:
        in_report(
            "validation",
            expand(
                f"{RESULTS}/figures/validation/{{name}}.{{suffix}}",
                name=["error", "coverage"],
                suffix=[*FIGURE_FORMATS, "provenance.json"],
            ),
        ),
    log:
        f"{RESULTS}/logs/plot_validation.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        validation=section("validation", ["confidence"]),
        section=section("figures", ["format"]),
        code=code("plot_validation"),
    message:
        "Drawing validation: error against evaluations, coverage"
    shell:
        "python -m infodecomp run plot_validation --table {input.table} --validation {params.validation:q}"
        " --section {params.section:q} --output-dir {params.folder} 2>&1 | tee {log}"


localrules:
    validation,


rule validation:
    input:
        rules.tabulate_validation.output,
        rules.plot_validation.output,
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures/validation"
