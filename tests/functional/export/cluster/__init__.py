"""Tests of export/cluster with Ray on this machine, photos and libraries in folders that stand for buckets."""
