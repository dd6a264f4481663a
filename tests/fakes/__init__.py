"""Stand-ins for what burstd speaks to: each speaks the real protocol over a real socket."""
