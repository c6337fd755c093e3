"""Messages of values that people give."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor

M = TypeVar("M")

_MUST_BE = {
    FieldDescriptor.TYPE_UINT32: "an integer, 0 to 4294967295",
    FieldDescriptor.TYPE_UINT64: "an integer, 0 to 2^64 - 1",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_BOOL: "True or False",
    FieldDescriptor.TYPE_STRING: "a str",
}


def filled(kind: type[M], **fields: Any) -> M:
    """The message with these fields, but for those that are None. For a value that its field can't hold it raises the ValueError or
    TypeError that protobuf has for it, with the field's name and what it must be: protobuf says no more than that -1 is out of range."""
    try:
        return kind(**fields)
    except (TypeError, ValueError):
        for name, value in fields.items():
            _check(kind, name, value)
        raise


def _check(kind: Any, name: str, value: Any) -> None:
    field = kind.DESCRIPTOR.fields_by_name.get(name)
    must = None if field is None else _MUST_BE.get(field.type)
    if must is None or value is None:
        return
    is_list = not isinstance(getattr(kind(), name), (bool, int, float, str))
    for i, item in enumerate(value if is_list and hasattr(value, "__iter__") else [value]):
        try:
            kind(**{name: [item] if is_list else item})
        except (TypeError, ValueError) as error:
            place = f"{name}[{i}]" if is_list else name
            raise type(error)(f"{place} must be {must}; got {item!r}") from None
