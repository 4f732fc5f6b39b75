"""Forms: how shapes and structural parameters of operations are drawn, a table for each family.

A form is named by the rows of the catalogue that have it. A new one takes one entry in one of the tables, and no other
change.
"""

from clinometer.strategies.forms import axes, elementwise, indexing, layout, losses, matrices, products, windows
from clinometer.strategies.forms.form import Drawn, Form, Structure, signed

FORMS: dict[str, Form] = {
    **elementwise.FORMS,
    **axes.FORMS,
    **losses.FORMS,
    **layout.FORMS,
    **indexing.FORMS,
    **products.FORMS,
    **matrices.FORMS,
    **windows.FORMS,
}

__all__ = ["FORMS", "Drawn", "Form", "Structure", "signed"]
