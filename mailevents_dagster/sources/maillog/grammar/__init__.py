"""The grammars of Exim's and Postfix' logs: what a line says, as typed columns."""
