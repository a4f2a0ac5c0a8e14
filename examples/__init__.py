"""Programs to run and to read: ``python -m examples.tanh_neuron`` and so on."""
