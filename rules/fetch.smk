# Downloads: files listed in the table of sources, and models of the Hugging Face Hub. Files that exist are left alone.
#
# REQUIRES  a network, once; data/sources.csv
# PRODUCES  data/<dataset>/fetched/<file>             the file as it was fetched; archives may be deleted once unpacked
#           data/<dataset>/fetched/<file>.lock.json   its size and SHA-256, which a later fetch must reproduce
#           data/<dataset>/fetched/<file>.json        receipt: all of its contents are in place below data/<dataset>/
#           data/models/hub/<model>/                  the files of a model that are read
#           data/models/hub/<model>.{lock.json,json}  the same for the model
# STEPS     fetch_data, fetch_model; the target `fetch` needs a network and runs both for everything that the study needs

# Second models of the retrieval study, by the method that scores with one.
SECOND_MODELS = [name for name in CONFIG.retrieval.methods if name in CONFIG.models]
# Models of the Hub that the study uses: name of the folder → kind and section.
HUB_MODELS = {
    name_of_fetched(model): (kind, model)
    for kind, model in [
        ("diffusion", CONFIG.model),
        *(("diffusion", CONFIG.models[name]) for name in SECOND_MODELS),
        *(("clip", CONFIG.clip) for name in CONFIG.retrieval.methods if name == "clip"),
    ]
    if is_on_hub(model.id)
}


rule fetch_data:
    output:
        receipt="data/{source}/fetched/{file}.json",
    log:
        "data/{source}/fetched/logs/{file}.log",
    wildcard_constraints:
        source="|".join(sorted({source.dataset for source in SOURCES})),
        file="|".join(re.escape(source.file) for source in SOURCES),
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    resources:
        table=str(shipped(CONFIG.fetch.sources)),
        # Snakemake writes an empty text without quotes, so that only `--local-path=` passes one.
        local_path=CONFIG.fetch.local_path or "",
    params:
        code=code("fetch_data"),
    message:
        "Fetching {wildcards.file} of {wildcards.source}"
    shell:
        command(
            "fetch_data",
            "--source {wildcards.source}/{wildcards.file} --table {resources.table:q}"
            " --local-path={resources.local_path:q} --output {output.receipt}",
        )


rule fetch_model:
    output:
        receipt=f"{FETCHED}/{{hub_model}}.json",
    log:
        f"{FETCHED}/logs/{{hub_model}}.log",
    wildcard_constraints:
        hub_model="|".join(map(re.escape, HUB_MODELS)) or NOTHING,
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        kind=lambda wildcards: HUB_MODELS[wildcards.hub_model][0],
        section=lambda wildcards: section_json(HUB_MODELS[wildcards.hub_model][1]),
        code=code("fetch_model"),
    message:
        "Fetching the model {wildcards.hub_model}"
    shell:
        command("fetch_model", "--kind {params.kind} --section {params.section:q}")


rule fetch:
    input:
        study_receipts(HUB_MODELS),
    localrule: True
    message:
        "All downloads are in place"
