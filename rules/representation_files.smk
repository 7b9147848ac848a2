# What the rules of the representation chain share: its folders, the files that its jobs need, and their settings.

PREPARED_IMAGES = f"{RESULTS}/representation/images"
IMAGES = (
    f" --images {PREPARED_IMAGES}"
    if CONFIG.representation.images.dataset != "factors"
    else ""
)


def image_dataset_files(wildcards):
    """The files of the study's images: receipts of those that are fetched, and what is there already."""
    images = CONFIG.representation.images
    if images.dataset == "own":
        return (
            local_files(images.list)
            if Path(images.list).is_dir()
            else present([images.list])
        )
    places = dataset_places(images.dataset)
    folders = [place for place in places if not place.suffix]
    return fetched_or_present([place for place in places if place.suffix], folders, ())


def prepared_images(wildcards):
    """The prepared images, as input of a rule that passes IMAGES to its stage; none for the world that is drawn."""
    return rules.prepare_representation_images.output if IMAGES else []


REPRESENTATION = f"{RESULTS}/representation/{{described}}"
DESCRIBED = CONFIG.described
# Descriptions that are no folder of a model.
UNTRAINED = {"factors", "components"}
REPRESENTATION_SHARDS = [
    f"{number:04d}" for number in range(CONFIG.representation.shards)
]


wildcard_constraints:
    described="|".join(map(re.escape, DESCRIBED)),


def described_files(wildcards):
    """The files of the model that describes images, if one does."""
    entry = DESCRIBED[wildcards.described]
    return [] if entry in UNTRAINED else local_files(shipped(entry))


def described_shards(name):
    """The tables of a description's shards."""
    folder = REPRESENTATION.format(described=name)
    return [
        f"{folder}/estimate_representation/shard-{number}.parquet"
        for number in REPRESENTATION_SHARDS
    ]


def description_settings(stage):
    """What a stage reads of the configuration for one description."""
    return lambda job: settings_json(stage, study=CONFIG.of_description(job.described))


# Params of every stage on one description.
DESCRIPTION_PARAMS = {
    "model": lambda wildcards: DESCRIBED[wildcards.described],
    "seed": CONFIG.seed,
}


REPRESENTATION_CLASSIFIER = f"{RESULTS}/representation/classifier"
REPRESENTATION_JUDGED = f"{REPRESENTATION}/judge_representation"


def feature_networks(wildcards):
    """The networks of features: that of the images' factors is trained here, others are given."""
    judging = CONFIG.representation.judging
    given = {"dinov2": judging.dinov2, "inception": judging.inception}
    files = [
        file
        for name in judging.features
        if given.get(name)
        for file in local_files(given[name])
    ]
    trained = "classifier" in judging.features
    return [*files, *([REPRESENTATION_CLASSIFIER] if trained else [])]
