# The page of the study: tables, and every image with its maps, captions and edits, to open from disk.
#
# REQUIRES  the tables and figures of all parts, and what they were made from: cases, shards, maps, edits, images
# PRODUCES  results/<study>/report/    index.html with its style, scripts, pictures and data: open it in any browser
# STEPS     write_report; report asks for it

from infodecomp.runs.provenance import folder_sha256


rule write_report:
    input:
        reported,
        rules.localisation.input,
        rules.explanations.input,
        rules.retrieval.input,
        rules.editing.input,
        rules.partial_information.input,
        rules.faithfulness.input,
        rules.validation.input,
        rules.paper_figures.input,
    output:
        directory(f"{RESULTS}/report"),
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        results=folder_of_first,
        shards=CONFIG.shards,
        stage_shards=[
            f"judge_maps={CONFIG.faithfulness.shards}",
            *(
                [f"decompose_information={CONFIG.partial_information.shards}"]
                if CONFIG.partial_information.shards
                else []
            ),
        ],
        datasets=sections_json(CONFIG.datasets),
        retrieval_datasets=sections_json(CONFIG.retrieval_datasets),
        section=section("report"),
        figures=section("figures"),
        resize=CONFIG.model.resize,
        code=code("write_report"),
        assets=[
            folder_sha256(Path(workflow.basedir) / "pipeline/infodecomp/report" / name)
            for name in ("assets", "templates")
        ],
    message:
        "Writing the page of the study"
    shell:
        "python -m infodecomp run write_report --results {params.results} --shards {params.shards}"
        " --stage-shards {params.stage_shards}"
        " --datasets {params.datasets:q} --retrieval-datasets {params.retrieval_datasets:q}"
        " --section {params.section:q} --figures {params.figures:q} --resize {params.resize}"
        " --output-dir {output} 2>&1 | tee {log}"


localrules:
    report,


rule report:
    input:
        rules.write_report.output,
    message:
        "Done: open {input}/index.html in a browser"
