"""The vocabulary that management plane and edge share: values and rules, no I/O."""
