"""What verbs share that ask a VMS itself, without a bridge: how it is found and opened, what they show, whom they ask first."""
