"""The whole system on this machine as in production: real servers, several edges and workers, each a process."""
