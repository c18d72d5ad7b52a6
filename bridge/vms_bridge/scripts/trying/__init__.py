"""`vms-bridge script test`: a script in its real locked process, within a bridge that is made up and a time that jumps."""
