"""The sub-commands that administer a gateway. All but `migrate` speak its admin services and nothing else."""
