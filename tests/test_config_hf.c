// tests/test_config_hf.c -- policy/files/config_hf: published configs, both ropes, named errors.
#include "policy/files/config_hf.h"

#include "tests/test.h"

// The published DeepSeek-V3 config.json, without what training alone uses.
static const char v3[] =
    "{\"architectures\":[\"DeepseekV3ForCausalLM\"],\"model_type\":\"deepseek_v3\",\n"
    "\"vocab_size\":129280,\"hidden_size\":7168,\"intermediate_size\":18432,\n"
    "\"moe_intermediate_size\":2048,\"num_hidden_layers\":61,\"num_attention_heads\":128,\n"
    "\"num_key_value_heads\":128,\"n_shared_experts\":1,\"n_routed_experts\":256,\n"
    "\"routed_scaling_factor\":2.5,\"kv_lora_rank\":512,\"q_lora_rank\":1536,\n"
    "\"qk_rope_head_dim\":64,\"v_head_dim\":128,\"qk_nope_head_dim\":128,\n"
    "\"topk_method\":\"noaux_tc\",\"n_group\":8,\"topk_group\":4,\"num_experts_per_tok\":8,\n"
    "\"moe_layer_freq\":1,\"first_k_dense_replace\":3,\"norm_topk_prob\":true,\n"
    "\"scoring_func\":\"sigmoid\",\"hidden_act\":\"silu\",\"max_position_embeddings\":163840,\n"
    "\"initializer_range\":0.02,\"rms_norm_eps\":1e-06,\"tie_word_embeddings\":false,\n"
    "\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":40,\"mscale\":1.0,\n"
    "\"mscale_all_dim\":1.0,\"beta_fast\":32,\"beta_slow\":1,\n"
    "\"original_max_position_embeddings\":4096},\"attention_bias\":false,\n"
    "\"bos_token_id\":0,\"eos_token_id\":1,\"quantization_config\":{\"fmt\":\"e4m3\"}}";

static ModelConfig parse(const char *text) {
    ModelConfig m;
    assert_ok(config_hf_parse(text, strlen(text), "config.json", &m));
    return m;
}

// v3 with the first `from` replaced.
static const char *with(const char *from, const char *to) {
    static char text[4096];
    const char *at = strstr(v3, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - v3), v3, to, at + strlen(from));
    return text;
}

static void refused(const char *text, Status code, const char *word) {
    ModelConfig m;
    assert_int_equal(config_hf_parse(text, strlen(text), "config.json", &m), code);
    assert_int_equal(m.vocab_size, 0);
    assert_non_null(strstr(status_text(), "config.json"));
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
}

// The published DeepSeek-V2-Lite config.json.
static const char v2_lite[] =
    "{\"architectures\":[\"DeepseekV2ForCausalLM\"],\"attention_bias\":false,"
    "\"attention_dropout\":0.0,\"auto_map\":{\"AutoConfig\":\"configuration_deepseek.X\"},"
    "\"aux_loss_alpha\":0.001,\"bos_token_id\":100000,\"eos_token_id\":100001,"
    "\"first_k_dense_replace\":1,\"hidden_act\":\"silu\",\"hidden_size\":2048,"
    "\"initializer_range\":0.02,\"intermediate_size\":10944,\"kv_lora_rank\":512,"
    "\"max_position_embeddings\":163840,\"model_type\":\"deepseek_v2\","
    "\"moe_intermediate_size\":1408,\"moe_layer_freq\":1,\"n_group\":1,\"n_routed_experts\":64,"
    "\"n_shared_experts\":2,\"norm_topk_prob\":false,\"num_attention_heads\":16,"
    "\"num_experts_per_tok\":6,\"num_hidden_layers\":27,\"num_key_value_heads\":16,"
    "\"pretraining_tp\":1,\"q_lora_rank\":null,\"qk_nope_head_dim\":128,\"qk_rope_head_dim\":64,"
    "\"rms_norm_eps\":1e-06,\"rope_scaling\":{\"beta_fast\":32,\"beta_slow\":1,\"factor\":40,"
    "\"mscale\":0.707,\"mscale_all_dim\":0.707,\"original_max_position_embeddings\":4096,"
    "\"type\":\"yarn\"},\"rope_theta\":10000,\"routed_scaling_factor\":1.0,"
    "\"scoring_func\":\"softmax\",\"seq_aux\":true,\"tie_word_embeddings\":false,"
    "\"topk_group\":1,\"topk_method\":\"greedy\",\"torch_dtype\":\"bfloat16\","
    "\"transformers_version\":\"4.33.1\",\"use_cache\":true,\"v_head_dim\":128,"
    "\"vocab_size\":102400}";

static void the_published_v2_lite_is_read(void **state) {
    (void)state;
    ModelConfig m;
    assert_ok(config_hf_parse(v2_lite, strlen(v2_lite), "config.json", &m));
    assert_true(m.family == FAMILY_MLA_MOE && m.q_lora_rank == 0 && m.n_layers == 27);
    assert_true(m.scoring == ROUTER_SOFTMAX && m.topk_method == TOPK_GREEDY && !m.norm_topk_prob);
    assert_true(m.n_routed_experts == 64 && m.n_shared_experts == 2 && m.n_experts_per_tok == 6);
    assert_true(m.rope.yarn && m.rope.mscale == 0.707 && m.rope.mscale_all_dim == 0.707);
    assert_true(m.rope.factor == 40 && m.rope.original_max_position == 4096);
    assert_int_equal(m.eos_id, 100001);
}

static void the_published_v3_is_read(void **state) {
    (void)state;
    ModelConfig m = parse(v3);
    assert_int_equal(m.vocab_size, 129280);
    assert_int_equal(m.n_layers, 61);
    assert_int_equal(m.first_k_dense, 3);
    assert_int_equal(m.q_lora_rank, 1536);
    assert_int_equal(model_cache_dim(&m), 576);
    assert_int_equal(model_qk_dim(&m), 192);
    assert_int_equal(m.n_experts_per_tok, 8);
    assert_int_equal(m.scoring, ROUTER_SIGMOID);
    assert_int_equal(m.topk_method, TOPK_NOAUX_TC);
    assert_true(m.norm_topk_prob && m.rope.yarn && !m.tie_word_embeddings);
    assert_true(m.rope.factor == 40 && m.rope.mscale_all_dim == 1 && m.rope.theta == 10000);
    assert_int_equal(m.rope.original_max_position, 4096);
    assert_true(m.routed_scaling_factor == 2.5 && m.rms_norm_eps == 1e-6);
    assert_int_equal(m.bos_id, 0);
    assert_int_equal(m.eos_id, 1);
    assert_int_equal(m.precision, PRECISION_BF16); // no "grpo" there
    assert_int_equal(m.mla_form, MLA_ABSORBED);
}

static void newer_spellings_mean_the_same(void **state) {
    (void)state;
    ModelConfig old = parse(v3);
    ModelConfig new =
        parse(with("\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",",
                   "\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"yarn\","));
    assert_memory_equal(&old, &new, sizeof old);
    new = parse(with("\"type\":\"yarn\"", "\"rope_type\":\"yarn\""));
    assert_memory_equal(&old, &new, sizeof old);
    new = parse(with("\"eos_token_id\":1", "\"eos_token_id\":[1,2]"));
    assert_memory_equal(&old, &new, sizeof old);
    new = parse(
        with("\"rope_scaling\":{\"type\":\"yarn\"", "\"rope_scaling\":{\"type\":\"default\""));
    assert_false(new.rope.yarn);
}

static void v2_lite_is_softmax_without_groups_and_plain_q(void **state) {
    (void)state;
    ModelConfig m =
        parse("{\"model_type\":\"deepseek_v2\",\"vocab_size\":102400,\"hidden_size\":2048,"
              "\"intermediate_size\":10944,\"moe_intermediate_size\":1408,\"num_hidden_layers\":27,"
              "\"num_attention_heads\":16,\"n_shared_experts\":2,\"n_routed_experts\":64,"
              "\"routed_scaling_factor\":1.0,\"kv_lora_rank\":512,\"q_lora_rank\":null,"
              "\"qk_rope_head_dim\":64,\"v_head_dim\":128,\"qk_nope_head_dim\":128,"
              "\"topk_method\":\"greedy\",\"n_group\":1,\"topk_group\":1,\"num_experts_per_tok\":6,"
              "\"first_k_dense_replace\":1,\"norm_topk_prob\":false,\"scoring_func\":\"softmax\","
              "\"max_position_embeddings\":163840,\"rope_theta\":10000,\"rope_scaling\":null}");
    assert_int_equal(m.q_lora_rank, 0);
    assert_int_equal(m.scoring, ROUTER_SOFTMAX);
    assert_int_equal(m.topk_method, TOPK_GREEDY);
    assert_int_equal(m.eos_id, -1);
    assert_false(m.norm_topk_prob || m.rope.yarn);
}

static void what_is_written_reads_back_the_same(void **state) {
    (void)state;
    ModelConfig variant[6];
    for (int i = 0; i < 6; i++) variant[i] = parse(v3);
    variant[1].precision = PRECISION_FP8, variant[1].mla_form = MLA_EXPANDED;
    variant[2].q_lora_rank = 0, variant[2].rope = (RopeConfig){.theta = 50000};
    variant[3].scoring = ROUTER_SOFTMAX, variant[3].topk_method = TOPK_GROUP_LIMITED;
    variant[3].norm_topk_prob = false, variant[3].bos_id = -1;
    variant[4].tie_word_embeddings = true, variant[4].rms_norm_eps = 1.0 / 3;
    variant[5].n_routed_experts = variant[5].n_shared_experts = variant[5].n_experts_per_tok = 0;
    variant[5].moe_intermediate_size = 0, variant[5].first_k_dense = 61;
    for (int i = 0; i < 6; i++) {
        Str text = {0};
        config_hf_write(&variant[i], "float32", &text);
        ModelConfig back = parse(text.data);
        if (memcmp(&back, &variant[i], sizeof back) != 0) fail_msg("variant %d: %s", i, text.data);
        str_free(&text);
    }
}

// transformers checks types: 1 is not a float.
static void a_whole_float_is_written_as_a_float(void **state) {
    (void)state;
    ModelConfig m = parse(v3);
    m.routed_scaling_factor = 1;
    Str text = {0};
    config_hf_write(&m, "float32", &text);
    assert_non_null(strstr(text.data, "\"routed_scaling_factor\": 1.0,"));
    assert_non_null(strstr(text.data, "\"rope_theta\": 10000.0,"));
    assert_non_null(strstr(text.data, "\"factor\": 40.0,"));
    assert_non_null(strstr(text.data, "\"original_max_position_embeddings\": 4096}"));
    str_free(&text);
}

static void the_files_of_transformers_are_read(void **state) {
    (void)state;
    ModelConfig m;
    assert_ok(config_hf_read("tests/golden/deepseek-v3", &m));
    assert_true(m.rope.yarn && m.rope.original_max_position == 32 && m.q_lora_rank == 16);
    assert_ok(config_hf_read("tests/golden/deepseek-v2/config.json", &m));
    assert_int_equal(m.topk_method, TOPK_GROUP_LIMITED);
    assert_int_equal(m.scoring, ROUTER_SOFTMAX);
    assert_int_equal(config_hf_read("tests/golden/none", &m), ST_FORMAT);
}

static void a_missing_or_wrong_key_is_named(void **state) {
    (void)state;
    refused(with("\"hidden_size\":7168,", ""), ST_FORMAT, "\"hidden_size\" is missing");
    refused(with("\"kv_lora_rank\":512,", "\"kv_lora_rank\":null,"), ST_FORMAT, "\"kv_lora_rank\"");
    refused(with("\"q_lora_rank\":1536,", ""), ST_FORMAT, "\"q_lora_rank\" is missing");
    refused(with("\"moe_intermediate_size\":2048,", ""), ST_FORMAT, "\"moe_intermediate_size\"");
    refused(with("\"vocab_size\":129280", "\"vocab_size\":\"many\""), ST_FORMAT,
            ":2: \"vocab_size\"");
    refused(with("\"vocab_size\":129280", "\"vocab_size\":-1"), ST_FORMAT, "\"vocab_size\"");
    refused(with("\"vocab_size\":129280", "\"vocab_size\":1e18"), ST_FORMAT, "\"vocab_size\"");
    refused(with("\"qk_rope_head_dim\":64", "\"qk_rope_head_dim\":63"), ST_FORMAT, "even");
    refused(with("\"n_group\":8", "\"n_group\":7"), ST_FORMAT, "\"n_group\" does not divide");
    refused(with("\"topk_group\":4", "\"topk_group\":9"), ST_FORMAT, "\"topk_group\"");
    refused(with("\"num_experts_per_tok\":8", "\"num_experts_per_tok\":129"), ST_FORMAT,
            "kept groups");
    refused(with("\"num_experts_per_tok\":8", "\"num_experts_per_tok\":257"), ST_FORMAT,
            "n_routed_experts");
    refused(with("\"num_key_value_heads\":128", "\"num_key_value_heads\":8"), ST_FORMAT,
            "\"num_key_value_heads\"");
    refused(with("\"factor\":40,", ""), ST_FORMAT, "\"factor\"");
    refused(with("\"sigmoid\"", "\"tanh\""), ST_FORMAT, "\"sigmoid\", \"softmax\"");
    refused(with("\"bos_token_id\":0", "\"grpo\":{\"precision\":\"fp4\"}"), ST_FORMAT, "\"fp32\"");
    refused(with("\"rms_norm_eps\":1e-06", "\"rms_norm_eps\":\"small\""), ST_FORMAT, "a number");
    refused(with("\"norm_topk_prob\":true", "\"norm_topk_prob\":1"), ST_FORMAT, "true or false");
    refused("[]", ST_FORMAT, "object");
    refused("{}", ST_FORMAT, "\"model_type\" is missing");
}

static void what_is_not_built_is_named(void **state) {
    (void)state;
    refused(with("\"deepseek_v3\"", "\"gpt_neox\""), ST_UNSUPPORTED, "gpt_neox");
    refused(with("\"silu\"", "\"gelu\""), ST_UNSUPPORTED, "gelu");
    refused(with("\"type\":\"yarn\"", "\"type\":\"linear\""), ST_UNSUPPORTED, "linear");
    refused(with("\"attention_bias\":false", "\"attention_bias\":true"), ST_UNSUPPORTED,
            "attention_bias");
    refused(with("\"bos_token_id\":0", "\"rope_interleave\":false"), ST_UNSUPPORTED,
            "rope_interleave");
}

// ---- the dense families

// As published: HuggingFaceTB/SmolLM2-135M-Instruct, Qwen/Qwen2.5-0.5B, Llama-3.1-8B, Qwen3-0.6B.
static const char smollm2[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":false,\"bos_token_id\":1,"
    "\"eos_token_id\":2,\"hidden_act\":\"silu\",\"hidden_size\":576,\"initializer_range\":"
    "0.041666666666666664,\"intermediate_size\":1536,\"is_llama_config\":true,"
    "\"max_position_embeddings\":8192,\"mlp_bias\":false,\"model_type\":\"llama\","
    "\"num_attention_heads\":9,\"num_hidden_layers\":30,\"num_key_value_heads\":3,"
    "\"pad_token_id\":2,\"pretraining_tp\":1,\"rms_norm_eps\":1e-05,\"rope_interleaved\":false,"
    "\"rope_scaling\":null,\"rope_theta\":100000,\"tie_word_embeddings\":true,"
    "\"torch_dtype\":\"bfloat16\",\"vocab_size\":49152}";
static const char qwen25[] =
    "{\"architectures\":[\"Qwen2ForCausalLM\"],\"bos_token_id\":151643,\"eos_token_id\":151643,"
    "\"hidden_act\":\"silu\",\"hidden_size\":896,\"initializer_range\":0.02,"
    "\"intermediate_size\":4864,\"max_position_embeddings\":32768,\"max_window_layers\":24,"
    "\"model_type\":\"qwen2\",\"num_attention_heads\":14,\"num_hidden_layers\":24,"
    "\"num_key_value_heads\":2,\"rms_norm_eps\":1e-06,\"rope_theta\":1000000.0,"
    "\"sliding_window\":4096,\"tie_word_embeddings\":true,\"use_mrope\":false,"
    "\"use_sliding_window\":false,\"vocab_size\":151936}";
static const char llama31[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"bos_token_id\":128000,\"eos_token_id\":[128001,"
    "128008,128009],\"hidden_act\":\"silu\",\"hidden_size\":4096,\"intermediate_size\":14336,"
    "\"max_position_embeddings\":131072,\"model_type\":\"llama\",\"num_attention_heads\":32,"
    "\"num_hidden_layers\":32,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-05,"
    "\"rope_scaling\":{\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
    "\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"},\"rope_theta\":500000.0,"
    "\"tie_word_embeddings\":false,\"vocab_size\":128256}";
static const char qwen3[] =
    "{\"architectures\":[\"Qwen3ForCausalLM\"],\"attention_bias\":false,\"head_dim\":128,"
    "\"bos_token_id\":151643,\"eos_token_id\":151645,\"hidden_act\":\"silu\",\"hidden_size\":1024,"
    "\"intermediate_size\":3072,\"max_position_embeddings\":40960,\"max_window_layers\":28,"
    "\"model_type\":\"qwen3\",\"num_attention_heads\":16,\"num_hidden_layers\":28,"
    "\"num_key_value_heads\":8,\"rms_norm_eps\":1e-06,\"rope_scaling\":null,\"rope_theta\":1000000,"
    "\"sliding_window\":null,\"tie_word_embeddings\":true,\"use_sliding_window\":false,"
    "\"vocab_size\":151936}";

static void the_published_dense_models_are_read(void **state) {
    (void)state;
    ModelConfig m = parse(smollm2);
    assert_int_equal(m.family, FAMILY_DENSE);
    assert_int_equal(m.dense, DENSE_LLAMA);
    assert_int_equal(m.n_kv_heads, 3);
    assert_int_equal(m.head_dim, 64);
    assert_int_equal(model_cache_dim(&m), 2 * 3 * 64);
    assert_true(m.tie_word_embeddings && m.rope.theta == 100000 && !m.qkv_bias && !m.qk_norm);
    m = parse(qwen25);
    assert_int_equal(m.dense, DENSE_QWEN2);
    assert_true(m.qkv_bias && !m.o_bias && !m.mlp_bias && m.head_dim == 64);
    m = parse(llama31);
    assert_true(m.rope.llama3 && m.rope.factor == 8 && m.rope.original_max_position == 8192);
    assert_true(m.rope.high_freq_factor == 4 && m.eos_id == 128001 && !m.tie_word_embeddings);
    m = parse(qwen3);
    assert_int_equal(m.dense, DENSE_QWEN3);
    assert_true(m.qk_norm && m.head_dim == 128 && m.n_heads * m.head_dim != m.hidden_size);
}

static void dense_models_read_back_as_written(void **state) {
    (void)state;
    const char *const all[] = {smollm2, qwen25, llama31, qwen3};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const ModelConfig m = parse(all[i]);
        Str text = {0};
        config_hf_write(&m, "float32", &text);
        const ModelConfig again = parse(text.data);
        assert_memory_equal(&m, &again, sizeof m);
        str_free(&text);
    }
    static const char *const golden[] = {"llama3", "llama-bias", "smollm2",
                                         "qwen2",  "qwen3",      "mistral"};
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) { // transformers' newer spellings
        char path[80];
        ModelConfig m;
        snprintf(path, sizeof path, "tests/golden/%s", golden[i]);
        assert_ok(config_hf_read(path, &m));
        assert_int_equal(m.family, FAMILY_DENSE);
        Str text = {0};
        config_hf_write(&m, "float32", &text);
        const ModelConfig again = parse(text.data);
        assert_memory_equal(&m, &again, sizeof m);
        str_free(&text);
    }
}

static const char *dense_with(const char *whole, const char *from, const char *to) {
    static char text[4096];
    const char *at = strstr(whole, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    return text;
}

static void a_dense_model_that_is_not_built_is_named(void **state) {
    (void)state;
    refused(dense_with(smollm2, "\"num_key_value_heads\":3", "\"num_key_value_heads\":2"),
            ST_FORMAT, "num_key_value_heads");
    refused(dense_with(smollm2, "\"hidden_size\":576", "\"hidden_size\":577"), ST_FORMAT,
            "head_dim");
    refused(dense_with(qwen25, "\"use_sliding_window\":false", "\"use_sliding_window\":true"),
            ST_UNSUPPORTED, "sliding_window 4096");
    refused(dense_with(smollm2, "\"model_type\":\"llama\"", "\"model_type\":\"mistral\""),
            ST_UNSUPPORTED, "sliding_window 4096"); // absent means 4096 there
    refused(dense_with(llama31, "\"low_freq_factor\":1.0,", ""), ST_FORMAT, "low_freq_factor");
    refused(dense_with(llama31, "\"factor\":8.0,", ""), ST_FORMAT, "\"factor\" of llama3");
    refused(dense_with(llama31, "\"rope_type\":\"llama3\"", "\"rope_type\":\"longrope\""),
            ST_UNSUPPORTED, "longrope");
    refused(dense_with(smollm2, "\"is_llama_config\":true", "\"partial_rotary_factor\":0.5"),
            ST_UNSUPPORTED, "partial_rotary_factor");
    refused(
        dense_with(qwen3, "\"max_window_layers\":28", "\"layer_types\":[\"sliding_attention\"]"),
        ST_UNSUPPORTED, "sliding_attention");
    refused(dense_with(smollm2, "\"silu\"", "\"gelu\""), ST_UNSUPPORTED, "gelu");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_v3_is_read),
        cmocka_unit_test(the_published_v2_lite_is_read),
        cmocka_unit_test(newer_spellings_mean_the_same),
        cmocka_unit_test(v2_lite_is_softmax_without_groups_and_plain_q),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(a_whole_float_is_written_as_a_float),
        cmocka_unit_test(the_files_of_transformers_are_read),
        cmocka_unit_test(a_missing_or_wrong_key_is_named),
        cmocka_unit_test(what_is_not_built_is_named),
        cmocka_unit_test(the_published_dense_models_are_read),
        cmocka_unit_test(dense_models_read_back_as_written),
        cmocka_unit_test(a_dense_model_that_is_not_built_is_named),
    };
    return cmocka_run_group_tests_name("policy/files/config_hf", tests, NULL, NULL);
}
