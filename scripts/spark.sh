# Apache Spark and sqlglot from PyPI, in pinned versions, for the check and the benchmark that compare with it. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034

spark_packages=(pyspark==4.1.4 sqlglot==28.6.0)
spark_environment=build/checks/spark
spark_python="$spark_environment/bin/python"
export SPARK_LOCAL_IP=127.0.0.1

# Puts Spark into build/; where it cannot, fails and says why in $spark_missing.
spark_setup() {
    spark_missing=""
    if ! java -version 2>&1 | grep -qE 'version "(1[7-9]|2[0-9])'; then
        spark_missing="there is no Java from version 17 on (java -version)"
    elif ! python3 -m venv --help >/dev/null 2>&1; then
        spark_missing="python3 with venv is not installed"
    elif [[ "$(cat "$spark_environment/.whole" 2>/dev/null)" != "${spark_packages[*]}" ]]; then
        rm -rf "$spark_environment"
        mkdir -p build/checks
        if python3 -m venv "$spark_environment" >build/checks/spark.log 2>&1 &&
            "$spark_environment/bin/pip" install --quiet --retries 1 --timeout 60 "${spark_packages[@]}" >>build/checks/spark.log 2>&1; then
            echo "${spark_packages[*]}" >"$spark_environment/.whole"
        else
            spark_missing="${spark_packages[*]} could not be installed from PyPI: $(tail -n 1 build/checks/spark.log)"
        fi
    fi
    [[ -z "$spark_missing" ]]
}
