# The API and the worker share one image; the command decides.
FROM node:22-bookworm-slim AS build
WORKDIR /earshot
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
# Named one by one, so that a .env or a data folder in the working tree never gets into an image.
COPY LICENSE ./
COPY bin bin
COPY migrations migrations
COPY models models
COPY libs libs
COPY apps apps
RUN npm run build:web && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /earshot
COPY --from=build --chown=node:node /earshot /earshot
RUN mkdir -p /data && chown node:node /data
USER node
ENV NODE_ENV=production EARSHOT_DATA_DIR=/data
VOLUME /data
EXPOSE 8787
ENTRYPOINT ["node", "bin/earshot.js"]
# Only the container itself reaches 127.0.0.1: docs/deployment.md says how to let others in.
CMD ["serve"]
