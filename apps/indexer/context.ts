/**
 * What every command is handed: where to write, when to stop, and how to open the catalog. What is heavy is loaded
 * when a command asks for it, so that `--help` answers at once.
 */
import path from 'node:path';
import pino, { type Logger } from 'pino';
import type { CatalogService, LocalCatalogService } from '#catalog/catalog-service';
import type { CatalogConfig } from '#catalog/config';

export class CommandContext {
  readonly version: string;
  /** Aborted by Ctrl-C or a TERM signal: commands stop cleanly then. */
  readonly signal: AbortSignal;
  /** What the process exits with when the command returns. */
  exitCode = 0;
  #config: CatalogConfig | null = null;
  #logger: Logger | null = null;

  /** @param options `config`: used as it is, instead of the environment's */
  constructor(options: { version: string; signal: AbortSignal; config?: CatalogConfig }) {
    this.version = options.version;
    this.signal = options.signal;
    this.#config = options.config ?? null;
  }

  /** @throws EarshotError `configuration_invalid` */
  async config(): Promise<CatalogConfig> {
    if (this.#config === null) {
      const { loadConfig } = await import('#catalog/config');
      this.#config = loadConfig(process.env);
    }
    return this.#config;
  }

  /** Logs to stderr; stdout belongs to the command's answer. */
  async logger(defaultLevel: 'info' | 'warn' = 'warn'): Promise<Logger> {
    if (this.#logger === null) {
      const { logLevel } = await this.config();
      this.#logger = pino({ level: logLevel ?? defaultLevel }, pino.destination({ fd: 2, sync: true }));
    }
    return this.#logger;
  }

  /**
   * Runs `work` on the catalog and closes it: that of the server at EARSHOT_API_URL, else of the server that owns
   * the data folder, else our own. `worker`: our own catalog takes jobs meanwhile; `insteadOfLost`: the model to go on
   * with where the files of the one in use are gone.
   */
  async withCatalog<T>(
    options: { worker: boolean; insteadOfLost?: string },
    work: (catalog: CatalogService) => Promise<T>,
  ): Promise<T> {
    const url = await this.serverUrl();
    if (url === null) return this.withLocalCatalog(options, work);
    const { RemoteCatalog } = await import('#apps/api/client');
    return work(new RemoteCatalog(url));
  }

  /** The server that answers for the catalog; null where the stores are ours to open. */
  async serverUrl(): Promise<string | null> {
    const config = await this.config();
    const { runningServerUrl } = await import('#catalog/open-catalog');
    return config.apiUrl ?? (await runningServerUrl(config));
  }

  /**
   * The folder of that model, or of the one in use: the catalog's live model, as searches have it; before there is a
   * catalog, the model that EARSHOT_MODEL names.
   *
   * @throws EarshotError `model_not_found`; without a name also what opening the catalog can meet
   */
  async modelFolder(name?: string): Promise<string> {
    const config = await this.config();
    const { findModelFolder } = await import('#catalog/models');
    if (name !== undefined) return findModelFolder(name, config.dataDir);
    if ((await this.serverUrl()) === null) {
      const { modelFolderInUse } = await import('#catalog/open-catalog');
      return modelFolderInUse(config, { logger: await this.logger() });
    }
    const models = await this.withCatalog({ worker: false }, (catalog) => catalog.listModels());
    const live = models.find(({ active }) => active)?.name ?? config.model;
    // A model that was given by its path is found there again; one of a server by its name.
    return findModelFolder(path.basename(config.model) === live ? config.model : live, config.dataDir);
  }

  /** Runs `work` on our own stores and closes them. @throws EarshotError `data_folder_in_use` */
  async withLocalCatalog<T>(
    options: { worker: boolean; insteadOfLost?: string },
    work: (catalog: LocalCatalogService) => Promise<T>,
  ): Promise<T> {
    const config = await this.config();
    const { openCatalog } = await import('#catalog/open-catalog');
    const { insteadOfLost } = options;
    const catalog = await openCatalog(config, { logger: await this.logger(), insteadOfLost });
    try {
      if (options.worker) await catalog.startWorker();
      return await work(catalog);
    } finally {
      await catalog.close();
    }
  }

  /** A line of the answer, on stdout. */
  print(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** The one document that `--json` promises. */
  printJson(document: unknown): void {
    this.print(JSON.stringify(document, null, 2));
  }

  /** A message beside the answer, on stderr. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }
}
