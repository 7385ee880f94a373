"""Run by its path, with a module's name: imports it in an interpreter that has imported nothing else yet."""

import sys
import time


def main() -> None:
    before = len(sys.modules)
    cpu = time.process_time()
    begun = time.perf_counter()
    __import__(sys.argv[1])
    seconds = time.perf_counter() - begun
    cpu = time.process_time() - cpu
    print(f'{{"seconds": {seconds}, "cpu_seconds": {cpu}, "modules": {len(sys.modules) - before}}}')


if __name__ == "__main__":
    main()
