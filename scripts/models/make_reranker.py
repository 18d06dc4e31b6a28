"""Makes the cross-encoder of the tests: the shape of a real one, and a rule instead of weights.

    pip install onnx
    python3 scripts/models/make_reranker.py crates/models/tests/fixtures/word-overlap.onnx

Inputs and output are those of a BERT cross-encoder (input_ids, attention_mask, token_type_ids -> logits). The score is the
share of the question's tokens that the passage holds, so a test can say what it must be.
"""

import sys

import onnx
from onnx import TensorProto, checker, helper

# BERT's vocabulary: padding, [CLS], [SEP] and what is not used stand before the words.
LAST_SPECIAL_TOKEN = 102


def graph() -> onnx.GraphProto:
    ids = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ids]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])

    def number(name: str, values: list[int]) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    constants = [
        number("zero", [0]),
        number("one", [1]),
        number("two", [2]),
        number("special", [LAST_SPECIAL_TOKEN]),
        helper.make_tensor("least", TensorProto.FLOAT, [1], [1.0]),
    ]
    node = helper.make_node
    nodes = [
        node("Greater", ["input_ids", "special"], ["is_word"]),
        node("Equal", ["attention_mask", "one"], ["is_text"]),
        node("And", ["is_word", "is_text"], ["counts"]),
        node("Equal", ["token_type_ids", "zero"], ["is_first"]),
        node("Equal", ["token_type_ids", "one"], ["is_second"]),
        node("And", ["counts", "is_first"], ["of_question"]),
        node("And", ["counts", "is_second"], ["of_passage"]),
        # Every token against every other one: [batch, tokens, tokens].
        node("Unsqueeze", ["input_ids", "two"], ["rows"]),
        node("Unsqueeze", ["input_ids", "one"], ["columns"]),
        node("Equal", ["rows", "columns"], ["same"]),
        node("Unsqueeze", ["of_passage", "one"], ["passage_columns"]),
        node("And", ["same", "passage_columns"], ["held_by"]),
        node("Cast", ["held_by"], ["held_by_number"], to=TensorProto.FLOAT),
        node("ReduceMax", ["held_by_number", "two"], ["held"], keepdims=0),
        node("Cast", ["of_question"], ["of_question_number"], to=TensorProto.FLOAT),
        node("Mul", ["held", "of_question_number"], ["found"]),
        node("ReduceSum", ["found", "one"], ["found_sum"], keepdims=1),
        node("ReduceSum", ["of_question_number", "one"], ["question_sum"], keepdims=1),
        node("Max", ["question_sum", "least"], ["divisor"]),
        node("Div", ["found_sum", "divisor"], ["logits"]),
    ]
    return helper.make_graph(nodes, "word-overlap", inputs, [output], constants)


def main() -> None:
    # Version 18 of the operators, which every runtime that Nexus takes knows.
    model = helper.make_model(graph(), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
