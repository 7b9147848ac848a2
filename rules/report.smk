# The page of the study: tables, and every image with its maps, captions and edits, and what codes say; it opens from disk, without a server.
#
# REQUIRES  the tables and figures of all parts, and what they were made from: cases, shards, maps, edits, images
# PRODUCES  results/<study>/report/    index.html with its style, scripts, pictures and data: open it in any browser
# STEPS     write_report; the target `report` runs it

from infodecomp.runs.contents import folder_sha256


rule write_report:
    input:
        expand(f"{RESULTS}/{{name}}/cases.parquet", name=STUDIED),
        [files for name, stage, files in SUMMARISED],
        [files for part, files in PART_RESULTS.items() if part in PARTS],
        (
            expand(f"{RESULTS}/{{name}}/judge_edits/judgements.parquet", name=JUDGED)
            if in_parts("editing")
            else []
        ),
        rules.explanations.input if in_parts("localisation") else [],
        rules.paper_figures.input,
    output:
        page=f"{RESULTS}/report/index.html",
        provenance=f"{RESULTS}/report/report.provenance.json",
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=folder_of_first,
        results=lambda wildcards, output: str(Path(output.page).parent.parent),
        shards=CONFIG.shards,
        described=list(DESCRIBED) if in_parts("representation") else [],
        stage_shards=[
            f"judge_maps={CONFIG.faithfulness.shards}",
            f"estimate_representation={CONFIG.representation.shards}",
            *(
                [f"decompose_information={CONFIG.pairs.shards}"]
                if CONFIG.pairs.shards
                else []
            ),
        ],
        settings=settings(
            "write_report",
            study=CONFIG.model_copy(
                update={
                    kind: {
                        name: one
                        for name, one in getattr(CONFIG, kind).items()
                        if name in STUDIED
                    }
                    for kind in ("datasets", "retrieval_datasets")
                }
            ),
        ),
        code=code("write_report"),
        assets=[
            folder_sha256(CHECKOUT / "pipeline/infodecomp/report" / name)
            for name in ("assets", "templates")
        ],
    message:
        "Writing the page of the study"
    shell:
        command(
            "write_report",
            "--results {params.results} --shards {params.shards} --stage-shards {params.stage_shards}"
            " --described {params.described}"
            " --settings {params.settings:q} --output-dir {params.folder}",
        )


localrules:
    report,


rule report:
    input:
        rules.write_report.output.page,
    message:
        "Done: open {input} in a browser"
