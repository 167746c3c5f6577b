"""Assertions about objects of a cluster: plain documents, and Test documents of chainsaw (spec/validate.md 9).

``documents`` reads the text, ``matching`` compares an object with what is expected, with the help of ``expressions``
(JMESPath), ``reading`` asks the API, ``running`` repeats all that until it holds or the time is over, ``rights`` says
what all that may ask. Nothing here writes to a cluster, and nothing knows a component.
"""
