"""Models whose values come from callers: what does not fit is an error of the kit's own tree."""

from typing import TYPE_CHECKING, Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.spelling import unknown_name

type Location = tuple[int | str, ...]


class CheckedModel(BaseModel):
    """A model whose constructor raises `InvalidArgumentException`, with one line that names each wrong field.

    Pydantic's own ways in (`model_validate`, fields of other models, bodies of FastAPI) raise its `ValidationError`.
    """

    # A message must not print what was given: a key may stand beside, or in place of, the wrong value.
    # What stands below a field reaches its schema, and OpenAPI.
    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    if not TYPE_CHECKING:  # a type checker takes the parameters from the fields, and would not look behind this one

        def __init__(self, /, **values: Any) -> None:
            try:
                # As `BaseModel` does; passing the values on to that would take as long as checking them.
                self.__pydantic_validator__.validate_python(values, self_instance=self)
            except ValidationError as error:
                problems = "; ".join(f"{_dotted(place)}{text}" for place, text in problems_of(error, type(self)))
                raise InvalidArgumentException(f"{type(self).__name__}: {problems}") from None

        # As pydantic marks its own constructors: validation of a field does not go through it, and keeps its location.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def of_known(cls, values: dict[str, Any]) -> Self:
        """A model of values that the kit itself made, one for each field: they are right, and checking them takes time.

        What `model_construct` does, without its search for defaults, aliases and fields that are missing.
        """
        model = cls.__new__(cls)
        object.__setattr__(model, "__dict__", values)
        object.__setattr__(model, "__pydantic_fields_set__", set(values))
        object.__setattr__(model, "__pydantic_extra__", None)
        object.__setattr__(model, "__pydantic_private__", None)
        return model


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[tuple[Location, str]]:
    """Where each wrong value stands in the model, and what is wrong with it; no message has the value."""
    problems: dict[Location, list[str]] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place, beside = _place(model, detail["loc"])
        if detail["type"] == "extra_forbidden":
            place, text = (*place, str(detail["loc"][-1])), unknown_name(str(detail["loc"][-1]), beside)
        else:
            text = detail["msg"].removeprefix("Value error, ")
        problems.setdefault(place, []).append(text)
    return [(place, ", or: ".join(texts)) for place, texts in problems.items()]


def model_within(annotation: object) -> type[BaseModel] | None:
    """The model that a field's type is, or is besides `None`."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def model_in_mapping(annotation: object) -> type[BaseModel] | None:
    """The model that the values of a field are, where its type is a `dict`."""
    return model_within(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def _place(model: type[BaseModel], location: Location) -> tuple[Location, list[str]]:
    """The location without pydantic's marks for the members of a union, and the names in the innermost model."""
    place: list[int | str] = []
    innermost: type[BaseModel] | None = model
    key_follows = False
    for part in location:
        if isinstance(part, int) or key_follows:
            place.append(part)
            key_follows = False
        elif innermost is not None and part in innermost.model_fields:
            place.append(part)
            annotation = innermost.model_fields[part].annotation
            key_follows = model_in_mapping(annotation) is not None
            model, innermost = innermost, model_within(annotation)
    return tuple(place), list((innermost or model).model_fields)


def _dotted(place: Location) -> str:
    """`perf.max_retries: `; an element of a list is counted from 0 (`buckets[1]: `)."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return f"{text}: " if text else ""
