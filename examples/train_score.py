#!/usr/bin/env python3
"""Trains a score from the rows of `fin features` and writes it as ONNX, for `scoring.model: learned`.

A ridge regression of R on a candidate's features. What is not known counts as usual, and what is rare as the rarest usual:
both as of the training sessions. It is tried walk-forward first: each block of sessions is scored by a model of the
sessions before it alone, and held against the score that the rows were ranked by. Then all sessions train the model that
is written. Sessions after `--until` stay unseen: try the file on them with `fin backtest`, which compares both scores.

Needs the packages of requirements.txt, next to this file.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy
import pandas
import pyarrow.parquet
from onnx import helper
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.algebra.onnx_ops import OnnxEqual, OnnxMax, OnnxMin, OnnxWhere
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# Ratios, which mean the same for every stock; prices and volumes would mostly tell which stock it is.
FEATURES = (
    "gap_pct", "gap_atr", "atr_pct", "rvol", "premarket_high_atr", "or_range_atr", "or_body_atr", "vwap_atr",
    "spread_pct", "float_rotation", "catalyst",
)
# One trade of 30 R must not teach more than thirty of 1 R.
R_MIN, R_MAX = -2.0, 5.0
ROWS_MIN = 50


class Usual(TransformerMixin, BaseEstimator):
    """The median for what is not known, and everything between the 1st and the 99th percentile."""

    def fit(self, rows, _=None):
        self.usual_ = numpy.nanmedian(rows, axis=0)
        self.low_, self.high_ = numpy.nanpercentile(rows, (1, 99), axis=0)
        return self

    def transform(self, rows):
        return numpy.clip(numpy.where(numpy.isnan(rows), self.usual_, rows), self.low_, self.high_)


def usual_shape(operator):
    operator.outputs[0].type = DoubleTensorType([None, operator.inputs[0].type.shape[1]])


def usual_to_onnx(scope, operator, container):
    fitted, row, opset = operator.raw_operator, operator.inputs[0], {"op_version": container.target_opset}
    known = OnnxEqual(row, row, **opset)  # NaN equals nothing, not even itself
    filled = OnnxWhere(known, row, fitted.usual_[None, :], **opset)
    raised = OnnxMax(filled, fitted.low_[None, :], **opset)
    OnnxMin(raised, fitted.high_[None, :], output_names=operator.outputs[:1], **opset).add_to(scope, container)


update_registered_converter(Usual, "FinAgentUsual", usual_shape, usual_to_onnx)


def read(path, until):
    """Candidates with an outcome, by session, round and symbol, and the version of their features."""
    about = pyarrow.parquet.read_schema(path).metadata or {}
    version = about.get(b"finagent.features_version")
    if version is None:
        sys.exit(f"{path}: not written by `fin features`")
    rows = pandas.read_parquet(path)
    rows["session_date"] = rows["session_date"].astype(str)
    rows = rows[rows["passed"] & rows["reason"].notna()]  # a plan that was carried out, or found no entry
    if until:
        rows = rows[rows["session_date"] <= until]
    rows["r"] = rows["r"].fillna(0.0)  # no entry, nothing gained
    return rows.sort_values(["session_date", "round", "symbol"]).reset_index(drop=True), version.decode()


def fitted(rows, names):
    """A model of `rows` alone; how strongly it is held back is chosen by leaving out one row at a time."""
    model = make_pipeline(Usual(), StandardScaler(), RidgeCV(alphas=numpy.logspace(0, 5, 11)))
    return model.fit(rows[names].to_numpy(float), rows["r"].clip(R_MIN, R_MAX))


def walk_forward(rows, names, folds):
    """The rows after the first block, each with the score of a model that had seen only the sessions before its block."""
    blocks = numpy.array_split(rows["session_date"].unique(), folds + 1)
    scored = []
    for number in range(1, len(blocks)):
        seen = rows[rows["session_date"] < blocks[number][0]]
        block = rows[rows["session_date"].isin(blocks[number])]
        usable = [name for name in names if seen[name].notna().any()]
        scored.append(block.assign(block=number, learned=fitted(seen, usable).predict(block[usable].to_numpy(float))))
    return pandas.concat(scored)


def judged(rows, score, top):
    """Mean R of the `top` best of each round, and the mean rank correlation of score and R within a round."""
    round_of = ["session_date", "round"]
    chosen = rows.sort_values([score, "symbol"], ascending=[False, True]).groupby(round_of).head(top)
    several = [one for _, one in rows.groupby(round_of) if len(one) > 2 and one[score].nunique() > 1 and one["r"].nunique() > 1]
    correlations = [one[score].corr(one["r"], method="spearman") for one in several]
    return chosen["r"].mean(), numpy.mean(correlations) if correlations else numpy.nan


def report(scored, top):
    print(f"walk-forward, the best {top} of each round; R is after fees")
    print(f"{'block':>7} {'sessions':>9} {'rows':>6}   {'mean R: given':>14} {'learned':>8}   {'rank corr.: given':>18} {'learned':>8}")
    for name, block in [*scored.groupby("block"), ("all", scored)]:
        given, learned = judged(block, "score", top), judged(block, "learned", top)
        days = block["session_date"].nunique()
        print(f"{name:>7} {days:>9} {len(block):>6}   {given[0]:>14.3f} {learned[0]:>8.3f}   {given[1]:>18.3f} {learned[1]:>8.3f}")
    if judged(scored, "learned", top)[0] <= judged(scored, "score", top)[0]:
        print("out of sample, the learned score is no better than the one that the rows were ranked by")


def write(model, names, path, metadata):
    """Writes the model with what the suite wants to know of it; gives the file's SHA-256."""
    scaler = model.named_steps["standardscaler"]
    kind = [("row", DoubleTensorType([None, len(names)]))]
    exported = to_onnx(model, initial_types=kind, target_opset=18, options={id(scaler): {"div": "div"}})
    helper.set_model_props(exported, {f"finagent.{key}": value for key, value in metadata.items()})
    data = exported.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path, help="the Parquet file of `fin features`")
    parser.add_argument("--out", type=Path, default=Path("score.onnx"), help="the model (score.onnx)")
    parser.add_argument("--until", metavar="DATE", help="last session to learn from")
    parser.add_argument("--folds", type=int, default=5, help="blocks of the walk-forward trial (5)")
    parser.add_argument("--top", type=int, default=5, help="candidates chosen of a round in the trial (5)")
    parser.add_argument("--version", help="the model's version (the last session learned from)")
    return parser.parse_args()


def main():
    given = arguments()
    rows, features_version = read(given.features, given.until)
    sessions = rows["session_date"].nunique()
    if len(rows) < ROWS_MIN or sessions <= given.folds:
        sys.exit(f"{given.features}: {len(rows)} outcomes in {sessions} sessions are too few to learn from")
    names = [name for name in FEATURES if rows[name].notna().any()]
    report(walk_forward(rows, names, given.folds), given.top)
    trained_to = rows["session_date"].iloc[-1]
    about = {
        "features": ",".join(names),
        "features_version": features_version,
        "trained_to": trained_to,
        "version": given.version or trained_to,
    }
    sha256 = write(fitted(rows, names), names, given.out, about)
    print(f"\n{given.out} has seen {sessions} sessions to {trained_to}; to score with it, in strategy.yaml:")
    print(f'  model: learned\n  learned: {{file: {given.out.name}, sha256: "{sha256}"}}')


if __name__ == "__main__":
    main()
