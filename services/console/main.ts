#!/usr/bin/env node
/** The `retune` command. See README.md. */
import { runCli } from "./cli.ts";
import { processTerminal } from "./terminal.ts";

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2), processTerminal());
