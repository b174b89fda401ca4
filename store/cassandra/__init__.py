"""The store on Cassandra 5: the same interfaces and errors as the embedded one, for many edges and workers."""
