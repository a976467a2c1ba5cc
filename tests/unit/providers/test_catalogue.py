"""The list of models offered to pickers."""

from gateway.model.routes import Endpoint
from gateway.providers.catalogue import model_list
from gateway.providers.registry import split_model


def test_every_listed_model_can_be_asked_for() -> None:
    for model in model_list():
        provider, name = split_model(model["id"])
        assert provider is not None, model["id"]
        assert name
        assert provider.endpoints.keys() & {Endpoint.CHAT, Endpoint.EMBEDDINGS}


def test_the_list_has_openai_s_shape() -> None:
    models = model_list()
    assert len({model["id"] for model in models}) == len(models)
    for model in models:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert model["object"] == "model"
        assert 1_600_000_000 < model["created"] < 2_000_000_000
    assert {"openai/gpt-4.1-mini", "@cf/meta/llama-3.1-8b-instruct"} <= {model["id"] for model in models}


def test_each_call_gives_a_list_of_its_own() -> None:
    model_list().clear()
    assert model_list()
