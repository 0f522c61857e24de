"""The schema of policy.yaml and how its limits combine for one client and one market. Pure; loading is gateway's."""
