"""Commands of admins and operators: keys, push, retention, partitions."""
